"""People on the real server: every documented call by every role, the commands, and no secret anywhere after a full run."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.documented_calls import DocumentedCall, documented_calls
from tests.support.oidc_process import running_provider
from tests.support.process import BONGSU, Answer, call, eventually, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.process import ServerProcess

pytestmark = pytest.mark.process

PASSWORD = "correct horse battery"
OWN = {"X-Bongsu-Console": "1"}
ORDER = ("viewer", "editor", "owner", "administrator")

# What the documentation promises, by the ids of the calls; everything else of the admin API is for administrators.
FOR_VIEWERS = {
    "showProject", "listLimits", "listServers", "showServer", "listWorkspaces", "listTargets",
    "showWorkspaceOptions", "showTargetOptions", "listMembers",
}  # fmt: skip
FOR_EDITORS = {
    "replaceWorkspaceOptions", "mergeWorkspaceOptions", "removeWorkspaceOptions",
    "replaceTargetOptions", "mergeTargetOptions", "removeTargetOptions", "testTarget",
}  # fmt: skip
FOR_OWNERS = {
    "updateProject", "deleteProject", "listProjectAudit", "listKeys", "createKey", "revokeKey", "rotateKey",
    "addMember", "changeMember", "removeMember",
}  # fmt: skip
FOR_EVERYBODY = {"listProjects"}
REFUSED = {401, 403}


@dataclass
class Person:
    """A browser that is signed in, or not."""

    url: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a request as the console's pages do."""
        sent = OWN | self.headers | headers | ({"Cookie": self.cookie} if self.cookie else {})
        return call(method, self.url + path, headers=sent, body=body)

    def sign_in(self, **credentials: str) -> Answer:
        """Sign in and keep the cookie."""
        answer = self.call("POST", "/console/api/session", credentials)
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer


def add_user(server: ServerProcess, name: str, **fields: object) -> Person:
    body = {"name": name, "password": PASSWORD, **fields}
    made = call("POST", f"{server.url}/admin/v1/users", headers=server.admin_headers, body=body)
    assert made.status == 201, made.text
    person = Person(server.url)
    assert person.sign_in(name=name, password=PASSWORD).status == 200
    return person


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("roles") / "data") as started:
        yield started


def least_role(one: DocumentedCall) -> str:
    if one.path.startswith("/admin/v1"):
        table = {"viewer": FOR_VIEWERS | FOR_EVERYBODY, "editor": FOR_EDITORS, "owner": FOR_OWNERS}
        return next((role for role, names in table.items() if one.name in names), "administrator")
    if "/admin/tsdb/" in one.path:
        return "owner"
    return "viewer" if one.scope == "read" else "editor"


@pytest.mark.parametrize("role", ORDER)
def test_every_documented_call_is_open_to_the_roles_that_may_make_it_and_to_no_other(
    server: ServerProcess, role: str
) -> None:
    own, other = server.create_project(f"own-{role}"), server.create_project(f"other-{role}")
    secret = server.register_server(other, f"machine-of-others-{role}")
    roles = {} if role == "administrator" else {own.project_id: role}
    everywhere = role if role == "administrator" else None
    person = add_user(server, f"person-{role}", roles=roles, everywhere=everywhere)
    stranger = Person(server.url)
    wrong, calls = [], documented_calls(server)
    for one in calls:
        if one.is_open:
            continue
        what, least = f"{one.method} {one.path} ({one.name})", least_role(one)
        headers = {"X-SYSMON-REGION": "kr", "X-Bongsu-Project": own.project_id}
        path = one.filled(own.project_id)
        refused = person.call(one.method, path, one.body, **headers).status in REFUSED
        if refused == (ORDER.index(role) >= ORDER.index(least)):
            wrong.append(f"{what} as {role}, needs {least}: refused is {refused}")
        if stranger.call(one.method, path, one.body, **headers).status != 401:
            wrong.append(f"{what} without a session is not answered with 401")
        if role == "administrator":
            continue
        headers["X-Bongsu-Project"] = other.project_id
        elsewhere = person.call(one.method, one.filled(other.project_id), one.body, **headers)
        if secret in elsewhere.text or f"machine-of-others-{role}" in elsewhere.text:
            wrong.append(f"{what} tells of another project")
        if elsewhere.status != 403 and one.name not in FOR_EVERYBODY:
            wrong.append(f"{what} on another project is answered with {elsewhere.status}")

    assert len(calls) > 80
    assert [] == wrong


def bongsu(server: ServerProcess, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(server.data)}
    return subprocess.run(
        [BONGSU, *arguments],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def records(server: ServerProcess, *arguments: str, typed: str = "") -> list[dict[str, Any]]:
    done = bongsu(server, *arguments, typed=typed)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_user_lives_from_the_command_line(server: ServerProcess) -> None:
    (made,) = records(server, "user", "add", "Cli@Example.com", "--role", "default=viewer")
    token = made["link"].partition("#once=")[2]
    person = Person(server.url)
    assert person.sign_in(once=token, password=PASSWORD).status == 200
    (session,) = records(server, "user", "sessions", "cli@example.com")
    assert ("link", "127.0.0.1") == (session["method"], session["address"])

    (changed,) = records(server, "user", "role", "cli@example.com", "default=owner", "*=viewer")
    assert ({"default": "owner"}, "viewer") == (changed["roles"], changed["everywhere"])
    assert person.call("GET", "/console/api/keys").status == 200
    (changed,) = records(server, "user", "role", "cli@example.com", "default=", "*=")
    assert ({}, None) == (changed["roles"], changed["everywhere"])

    assert [] == records(server, "user", "password", "cli@example.com", typed="another good one\n")
    assert person.call("GET", "/console/api/account/sessions").status == 401
    assert Person(server.url).sign_in(name="cli@example.com", password="another good one").status == 200
    assert [] == records(server, "user", "sessions", "cli@example.com", "--end-all")
    assert [] == records(server, "user", "sessions", "cli@example.com")
    (link,) = records(server, "user", "password", "cli@example.com", "--link")
    assert "#once=" in link["url"]
    records(server, "user", "disable", "cli@example.com")
    assert Person(server.url).sign_in(name="cli@example.com", password="another good one").status == 401
    records(server, "user", "enable", "cli@example.com")

    actions = [
        entry["action"] for entry in records(server, "audit", "--subject", "cli@example.com", "--since", "1h")
    ]
    assert ["user.update", "session.refuse", "user.update", "user.invite", "session.revoke-all"] == actions[
        :5
    ]
    assert [] == records(server, "user", "remove", "cli@example.com", "--yes")
    refused = bongsu(server, "user", "role", "cli@example.com", "default=viewer")
    assert (1, True) == (refused.returncode, "there is no user 'cli@example.com'" in refused.stderr)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("user", "add", "a b"), "the user's name is 'a b'"),
        (("user", "add", "x", "--role", "default"), "'default' gives no role"),
        (("user", "add", "x", "--role", "nowhere=viewer"), "there is no project 'nowhere'"),
        (("audit", "--since", "yesterday"), "'yesterday' is no time"),
    ],
)
def test_a_mistake_on_the_command_line_says_what_to_write(
    server: ServerProcess, arguments: tuple[str, ...], says: str
) -> None:
    done = bongsu(server, *arguments)

    assert done.returncode != 0
    assert says in done.stderr


def test_a_session_is_gone_on_another_server_of_the_same_database_within_a_second(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    with (
        running_server(tmp_path / "one", BONGSU_SERVER_DATABASE=database) as one,
        running_server(tmp_path / "two", BONGSU_SERVER_DATABASE=database) as two,
    ):
        person = add_user(one, "kim", roles={"default": "viewer"})
        # Cookies carry the port of their server; the session behind is one.
        elsewhere = Person(
            two.url, f"bongsu_session_{urllib.parse.urlsplit(two.url).port}={person.cookie.partition('=')[2]}"
        )
        assert 200 == elsewhere.call("GET", "/console/api/layouts").status
        assert 204 == person.call("DELETE", "/console/api/session").status

        def gone() -> bool:
            return elsewhere.call("GET", "/console/api/layouts").status == 401

        eventually(gone, within_s=3, what="the end of the session on the other server")


def test_no_secret_is_in_logs_answers_metrics_files_or_the_trail_after_a_full_run(tmp_path: Path) -> None:
    """Passwords, tokens, keys, links and the provider's secret, used well and badly, in headers, queries, cookies and bodies."""
    person = {"sub": "lee", "email": "lee@example.com", "email_verified": True, "groups": ["sre"]}
    secrets = {"client": "the-clients-own-secret-9f3a", "password": "a horse of another colour"}
    answers: list[str] = []
    with running_provider([person]) as issuer:
        settings = {
            "BONGSU_LOG_LEVEL": "debug",
            "BONGSU_OPENID_ISSUER": issuer,
            "BONGSU_OPENID_CLIENT_ID": "bongsu",
            "BONGSU_OPENID_CLIENT_SECRET": secrets["client"],
            "BONGSU_OPENID_ROLES": "sre -> default=owner",
            "BONGSU_ADMIN_TOKEN": "an-admin-token-that-nobody-sees",
        }
        with running_server(tmp_path / "data", **settings) as server:
            secrets["admin"] = settings["BONGSU_ADMIN_TOKEN"]
            headers = {"Authorization": f"Bearer {secrets['admin']}"}
            tenant = server.first_project
            secrets["appkey"], secrets["token"] = (
                key.partition(".")[2] for key in (tenant.appkey, tenant.token)
            )
            made = call(
                "POST",
                f"{server.url}/admin/v1/users",
                headers=headers,
                body={"name": "kim", "roles": {"default": "owner"}},
            )
            secrets["link"] = made.json()["link"]["url"].partition("#once=")[2]
            kim = Person(server.url)
            answers.append(kim.sign_in(once=secrets["link"], password="short").text)
            answers.append(kim.sign_in(once=secrets["link"], password=secrets["password"]).text)
            answers.append(kim.sign_in(once=secrets["link"], password=secrets["password"]).text)
            secrets["session"] = kim.cookie.partition("=")[2]
            minted = kim.call(
                "POST", "/console/api/keys", {"name": "made", "scopes": ["read", "manage"]}
            ).json()
            rotated = call(
                "POST",
                f"{server.url}/admin/v1/projects/default/keys/{minted['keyId']}/rotate",
                headers=headers,
                body={"overlap": "1h"},
            ).json()
            secrets["minted"], secrets["rotated"] = (
                one["key"].partition(".")[2] for one in (minted, rotated)
            )
            lee = sign_in_at_the_provider(server.url)
            secrets["openid-session"] = lee.cookie.partition("=")[2]
            misuse(server.url, kim, secrets, answers)
            answers += [call("GET", f"{server.url}/metrics").text]
            answers += [
                call("GET", server.url + path, headers=headers).text
                for path in (
                    "/admin/v1/audit?limit=1000",
                    "/admin/v1/users",
                    "/admin/v1/store",
                    "/admin/v1/projects/default/keys",
                )
            ]
            status = (
                "status/config",
                "status/flags",
                "status/runtimeinfo",
                "targets",
                "label/__name__/values",
            )
            answers += [kim.call("GET", f"/prometheus/api/v1/{path}").text for path in status]
            archive = call("GET", f"{server.url}/admin/v1/backup", headers=headers).body
            # The first start shows the keys that it made, once, in lines of their own.
            said = "".join(line for line in server.output if not line.startswith("  "))
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in (tmp_path / "data").rglob("*")
        if path.is_file() and path.name != "credentials.json"
    }
    places = {
        **files,
        "log": said.encode(),
        **{f"answer {n}": text.encode() for n, text in enumerate(answers)},
    }

    assert len(set(secrets.values())) == 10
    assert any(name.endswith("control.db") for name in files)
    assert b"user:kim" in files["data/control.db"], "what is scanned is not empty"
    assert b"user:lee@example.com" in files["data/control.db"]
    assert [] == [
        (place, name)
        for place, content in places.items()
        for name, secret in secrets.items()
        if secret.encode() in content
    ]
    kept = {name for name, secret in secrets.items() if secret.encode() in archive}
    assert kept <= {"appkey", "token"}, "a backup holds the credentials file, and no other secret"


def misuse(url: str, kim: Person, secrets: dict[str, str], answers: list[str]) -> None:
    """Send every secret where it does not belong, and wrong ones where they do."""
    for secret in secrets.values():
        quoted = urllib.parse.quote(secret)
        for method, path, headers, body in (
            ("GET", f"/prometheus/api/v1/query?query={quoted}", {"X-TC-APP-KEY": secret}, None),
            (
                "GET",
                f"/prometheus/api/v1/query?query=up&token={quoted}",
                {"Authorization": f"Bearer {secret}"},
                None,
            ),
            ("GET", "/prometheus/api/v1/query?query=up", {"Cookie": f"bongsu_session={secret}"}, None),
            ("GET", "/open/api/tps", {"x-whatap-token": secret, "x-whatap-pcode": "1"}, None),
            ("GET", "/admin/v1/users", {"Authorization": f"Bearer {secret}x"}, None),
            ("POST", "/console/api/session", OWN, {"key": secret}),
            ("POST", "/console/api/session", OWN, {"once": secret}),
            ("POST", "/console/api/session", OWN, {"name": "kim", "password": f"{secret}x"}),
            ("GET", f"/console/api/openid/callback?code={quoted}&state={quoted}", {}, None),
            (
                "GET",
                "/console/api/openid/callback?code=x&state=y",
                {"Cookie": f"bongsu_session_question={secret}"},
                None,
            ),
        ):
            answer = call(method, url + path, headers=headers, body=body)
            # What a caller puts into a query or a name may be told back to the same caller, and to nobody else.
            answers.append(answer.text if "query=" + quoted not in path else "")
    answers.append(
        kim.call(
            "PUT", "/console/api/account/password", {"current": "wrong", "password": secrets["password"]}
        ).text
    )


def sign_in_at_the_provider(url: str) -> Person:
    """Go the way of a browser: to the provider, be somebody there, and come back with a session."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"{url}/console/api/openid") as page:
        place = page.url
    with opener.open(place, urllib.parse.urlencode({"sub": "lee"}).encode()) as landed:
        assert landed.url.startswith(f"{url}/console/"), landed.url
    cookie = next(one for one in jar if re.fullmatch(r"bongsu_session_\d+", one.name))
    person = Person(url, f"{cookie.name}={cookie.value}")
    assert person.call("GET", "/console/api/session").json()["user"]["name"] == "lee@example.com"
    return person


def test_what_is_deleted_or_taken_away_whole_is_in_the_trail(server: ServerProcess) -> None:
    tenant = server.create_project("trail")
    owner = add_user(server, "trail-owner", roles={tenant.project_id: "owner"})
    answer = owner.call("POST", "/prometheus/api/v1/admin/tsdb/delete_series?match[]=up&start=0")
    assert 204 == answer.status, answer.text
    assert 200 == call("GET", f"{server.url}/admin/v1/backup", headers=server.admin_headers).status
    newest_last = reversed(records(server, "audit", "--limit", "1000"))
    found = {entry["action"]: entry for entry in newest_last}

    deleted = found["samples.delete"]
    assert ("user:trail-owner", tenant.project_id, "up") == (
        deleted["actor"],
        deleted["projectId"],
        json.loads(deleted["detail"])["selectors"],
    )
    assert "admin" == found["backup.read"]["actor"]
