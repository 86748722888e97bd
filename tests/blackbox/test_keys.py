"""Keys on the real server: every documented call with keys that are good, expired, revoked, wrong, and of another project."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from tests.support.documented_calls import documented_calls
from tests.support.process import call, eventually

from bongsu.api.openapm.routes import NUMBER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.documented_calls import DocumentedCall
    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

SCOPES = ("read", "write", "manage")
REFUSED = {401, 403}
TAKES_SAMPLES = ("/prometheus/api/v1/write", "/prometheus/api/v1/push", "/prometheus/api/v1/import",
                 "/prometheus/api/v1/otlp/v1/metrics", "/otlp/v1/metrics", "/otlp/v1/traces")  # fmt: skip
OPEN_API = (*NUMBER_NAMES, "json/spot", "json/project", "json/tps/0/1000", "json/hitmap/0/1000",
            "json/transactions/0/1000", "raw/tag/app_counter/tps?stime=0&etime=1000",
            "json/spans/0123456789abcdef0123456789abcdef")  # fmt: skip


def new_key(server: ServerProcess, tenant: Tenant, **fields: object) -> tuple[str, str]:
    """Make a key and return its id and its text."""
    url = f"{server.url}/admin/v1/projects/{tenant.project_id}/keys"
    answer = call("POST", url, headers=server.admin_headers, body=fields)
    assert answer.status == 201, answer.text
    made = answer.json()
    return made["keyId"], made["key"]


def ended_keys(server: ServerProcess, tenant: Tenant) -> dict[str, str]:
    """Return texts that no longer open anything, or never did, and wait until the server knows."""
    _, expired = new_key(server, tenant, name="expired", scopes=SCOPES, expiresIn="1s")
    key_id, revoked = new_key(server, tenant, name="revoked", scopes=SCOPES)
    assert 200 == status_of(server, tenant, revoked), "it was good, and is in the cache"
    url = f"{server.url}/admin/v1/projects/{tenant.project_id}/keys/{key_id}"
    assert 204 == call("DELETE", url, headers=server.admin_headers).status
    assert 401 == status_of(server, tenant, revoked), "a revocation holds at once"
    eventually(lambda: status_of(server, tenant, expired) == 401, what="the end of a key")
    other_id = tenant.appkey.partition(".")[0]
    other_secret = tenant.token.partition(".")[2]
    return {
        "expired": expired,
        "revoked": revoked,
        "nonsense": "nonsense",
        "another key's secret": f"{other_id}.{other_secret}",
    }


def status_of(server: ServerProcess, tenant: Tenant, key: str) -> int:
    url = f"{server.url}/v1.0/projects/{tenant.project_id}/jobs"
    return call("GET", url, headers={"X-TC-APP-KEY": key, "X-SYSMON-REGION": "kr"}).status


def ways(key: str, project_id: str) -> Iterator[dict[str, str]]:
    """Give each way in which a key is sent; the last one names the project."""
    yield {"X-TC-APP-KEY": key}
    yield {"Authorization": f"Bearer {key}"}
    yield {"Authorization": "Basic " + base64.b64encode(f"{project_id}:{key}".encode()).decode()}


def statuses(server: ServerProcess, tenant: Tenant, one: DocumentedCall, key: str) -> list[int]:
    """Return the answers to a call with a key that is sent in each way."""
    url = server.url + one.filled(tenant.project_id)
    sent = [{"X-SYSMON-REGION": "kr", **way} for way in ways(key, tenant.project_id)]
    return [call(one.method, url, headers=headers, body=one.body).status for headers in sent]


def is_as_promised(one: DocumentedCall, kind: str, found: list[int]) -> bool:
    """Judge the answers by the documentation: 401 who is not known, 403 who may not."""
    if one.scope is None or kind not in {*SCOPES, "another project's"}:
        return {401} == set(found)
    if kind == "another project's":
        # Nothing in the path of a query names a project: the last way does.
        return found[-1] == 403 and (set(found) == {403} or "{projectId}" not in one.path)
    return REFUSED.isdisjoint(found) if kind == one.scope else {403} == set(found)


def test_every_documented_call_is_open_to_the_keys_with_its_scope_and_to_no_other(
    server: ServerProcess,
) -> None:
    own, other = server.create_project("keys-own"), server.create_project("keys-other")
    kinds = ended_keys(server, own) | {"another project's": other.appkey}
    kinds |= {scope: new_key(server, own, name=scope, scopes=[scope])[1] for scope in SCOPES}
    calls = [one for one in documented_calls(server) if not one.is_open]
    wrong = [
        f"{one.method} {one.path} ({one.name}), needs {one.scope}, with a key that is {kind}: {found}"
        for one in calls
        for kind, key in kinds.items()
        if not is_as_promised(one, kind, found := statuses(server, own, one, key))
    ]

    assert len(calls) > 80
    assert [] == wrong


@pytest.mark.parametrize("path", TAKES_SAMPLES)
def test_samples_are_taken_with_the_scope_to_write_only(server: ServerProcess, path: str) -> None:
    own, other = server.create_project(f"takes {path}"), server.create_project(f"not {path}")
    kinds = ended_keys(server, own)
    expected = {kind: {401} for kind in kinds} | {"read": {403}, "manage": {403}}
    kinds |= {scope: new_key(server, own, name=scope, scopes=[scope])[1] for scope in SCOPES}

    def found(key: str) -> set[int]:
        return {
            call("POST", server.url + path, headers=way, body=b"").status for way in ways(key, own.project_id)
        }

    assert expected == {kind: found(key) for kind, key in kinds.items() if kind != "write"}
    assert REFUSED.isdisjoint(found(kinds["write"]))
    assert 403 in found(other.appkey), "the way that names the project"


def test_every_number_of_the_applications_needs_a_token_of_its_project(server: ServerProcess) -> None:
    own, other = server.create_project("numbers-own"), server.create_project("numbers-other")
    kinds = ended_keys(server, own) | {"another project's": other.token}
    kinds |= {scope: new_key(server, own, name=scope, scopes=[scope])[1] for scope in SCOPES}
    expected = dict.fromkeys(kinds, 401) | {
        "another project's": 403,
        "write": 403,
        "manage": 403,
        "read": 200,
    }
    wrong = []
    for name in OPEN_API:
        for kind, key in kinds.items():
            headers = {"x-whatap-token": key, "x-whatap-pcode": str(own.pcode)}
            answer = call("GET", f"{server.url}/open/api/{name}", headers=headers)
            if expected[kind] != answer.status:
                wrong.append(f"{name} with a key that is {kind}: {answer.status} {answer.text}")

    assert [] == wrong


def test_a_region_that_is_not_there_is_refused_and_another_one_shows_nothing(server: ServerProcess) -> None:
    own = server.create_project("regions")
    server.register_server(own, "machine-of-kr")
    own.sysmon("POST", "jobs", {"jobName": "job-of-kr", "metricsPath": "/m"})
    asked = [
        one
        for one in documented_calls(server)
        if one.path.startswith("/v1.0")
        and any(p.get("name") == "X-SYSMON-REGION" for p in one.operation["parameters"])
    ]

    assert {"/v1.0/projects/{projectId}/jobs", "/v1.0/projects/{projectId}/servers"} == {
        c.path for c in asked
    }
    for one in asked:
        path = one.path.rpartition("/")[2]
        wrong = own.sysmon(one.method, path, one.body, region="mars")
        assert (False, True) == (wrong["header"]["isSuccessful"], "mars" in wrong["header"]["reason"])
        if one.method == "GET":
            assert "of-kr" in str(own.sysmon("GET", path, region="kr"))
            assert "of-kr" not in str(own.sysmon("GET", path, region="us"))
