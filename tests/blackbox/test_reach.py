"""Who may edit a workspace cannot make the real server ask addresses that only the server can see, whichever option names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter
from tests.support.process import call, eventually

if TYPE_CHECKING:
    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

ELSEWHERE = "192.0.2.7"
"""An address for documentation (RFC 5737), which nothing answers at."""
OWN = {"X-Bongsu-Console": "1"}
REFUSED = "address, which targets may not reach"
PASSWORD = "correct horse battery"
HOSTS = ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254")


def options_that_lead_to(place: str) -> dict[str, dict[str, Any]]:
    """Return each way in which scrape options may name an address, by its name."""
    token = {"client_id": "c", "client_secret": "s", "token_url": f"http://{place}/token"}
    relabel = {"target_label": "__address__", "replacement": place}
    return {
        "relabelling": {"relabel_configs": [relabel]},
        "token": {"oauth2": token},
        "proxy": {"proxy_url": f"http://{place}"},
        "proxy of the token": {"oauth2": token, "proxy_url": f"http://{place}"},
    }


class Editor:
    """Somebody who may edit one project, and a workspace with a target in it."""

    def __init__(self, server: ServerProcess, tenant: Tenant, name: str) -> None:
        self._server, self._tenant = server, tenant
        fields = {"name": name, "password": PASSWORD, "roles": {tenant.project_id: "editor"}}
        made = call("POST", f"{server.url}/admin/v1/users", headers=server.admin_headers, body=fields)
        assert made.status == 201, made.text
        credentials = {"name": name, "password": PASSWORD}
        answer = call("POST", f"{server.url}/console/api/session", headers=OWN, body=credentials)
        self._headers = OWN | {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        self._host = server.register_server(tenant, "far", ELSEWHERE)
        self._job = tenant.sysmon("POST", "jobs", {"jobName": "app", "metricsPath": "/m"})["body"]["jobId"]
        tenant.sysmon("POST", f"jobs/{self._job}/targets", {"hostId": self._host, "port": 80})

    def call(self, method: str, path: str, body: object = None, *, expected: int = 200) -> Any:
        """Make a call of the project's workspace."""
        url = f"{self._server.url}/admin/v1/projects/{self._tenant.project_id}/workspaces/{self._job}"
        answer = call(method, f"{url}/{path}", headers=self._headers, body=body)
        assert answer.status == expected, answer.text
        return answer.json()

    def reason(self, options: dict[str, Any]) -> str:
        """Set the options, and return why the target is not collected when it is tried at once."""
        self.call("PUT", "scrape", options)
        outcome = self.call("POST", "test", {"hostId": self._host, "port": 80})
        return str(outcome["reason"])

    def collected_reason(self, words: str) -> bool:
        """Tell whether the target's last scrape, which nobody asked for, failed with these words."""
        (target,) = self._tenant.sysmon("GET", f"jobs/{self._job}/targets")["body"]
        return words in str(target["failReason"])


@pytest.mark.parametrize("host", HOSTS)
def test_no_option_of_an_editor_leads_to_what_only_the_server_can_see(
    server: ServerProcess, host: str
) -> None:
    tenant = server.create_project(f"reach {host}")
    editor = Editor(server, tenant, f"editor-{HOSTS.index(host)}")
    with PlainExporter("of_the_machine 1\n") as inner:
        for way, options in options_that_lead_to(f"{host}:{inner.port}").items():
            assert REFUSED in editor.reason(options), way
            eventually(lambda: editor.collected_reason(REFUSED), what=f"a refused scrape by {way}")
        refused = editor.call("PUT", "scrape", {"http_sd_configs": [{"url": f"http://{host}"}]}, expected=400)
        assert "there is no scrape option 'http_sd_configs'" in refused["error"]["message"]
        assert 0 == inner.requests


def test_what_an_operator_has_allowed_is_reached_by_the_same_options(server: ServerProcess) -> None:
    tenant = server.create_project("allowed", allowedNetworks=["127.0.0.0/8"])
    editor = Editor(server, tenant, "editor-allowed")
    with PlainExporter("of_the_machine 1\n") as inner:
        ways = options_that_lead_to(f"127.0.0.1:{inner.port}")
        reasons = {way: editor.reason(options) for way, options in ways.items() if way != "proxy"}
        assert "None" == reasons["relabelling"]
        assert not any(REFUSED in reason for reason in reasons.values()), reasons
        assert inner.requests > 0
