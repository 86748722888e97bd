"""Small parts of the agent: users, names, limits, times, the environment of a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.agent.cadence import wait_s
from bongsu.agent.identity import Slot, container_id, host_attributes, instance_name
from bongsu.agent.limits import container_limits
from bongsu.agent.pools.threads import accept_queue
from bongsu.agent.run import BOOTSTRAP, environment_for
from bongsu.agent.settings import AgentSettings, read_settings
from bongsu.agent.users import FORWARDED_FOR, PSEUDO_ID, UserFinder, first_address
from bongsu.model.errors import InvalidInput


class RecordedSpan:
    """A span that only remembers its attributes."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, name: str, value: Any) -> None:
        self.attributes[name] = value


SETTINGS = AgentSettings(user_headers=("x-user", "x-account"), user_cookies=("sid",), salt="pepper")


def user_of(headers: dict[str, str], settings: AgentSettings = SETTINGS) -> dict[str, Any]:
    """Return what WSGI and ASGI put on the span, which must be the same."""
    wsgi, asgi = RecordedSpan(), RecordedSpan()
    finder = UserFinder(settings)
    finder.from_wsgi(wsgi, {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in headers.items()})
    finder.from_asgi(asgi, {"headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()]})
    assert wsgi.attributes == asgi.attributes
    return wsgi.attributes


def test_the_user_is_the_first_header_then_the_cookie_then_the_forwarded_address() -> None:
    every = {"X-User": "ann", "X-Account": "a-1", "Cookie": "sid=s-1; x=y", "X-Forwarded-For": "203.0.113.9"}
    seen = []
    for name in ("X-User", "X-Account", "Cookie"):
        found = user_of(every)
        assert [PSEUDO_ID] == list(found)
        seen.append(found[PSEUDO_ID])
        del every[name]
    assert 3 == len(set(seen))
    assert all(len(one) == 16 and "ann" not in one for one in seen), (
        "a hash leaves the process, not the value"
    )
    assert {FORWARDED_FOR: ("203.0.113.9",)} == user_of(every)
    assert {} == user_of({})
    assert {} == user_of(every, AgentSettings(forwarded=""))


def test_the_salt_makes_hashes_of_different_projects_different() -> None:
    one, other = (
        user_of({"x-user": "ann"}, AgentSettings(user_headers=("x-user",), salt=salt)) for salt in ("a", "b")
    )
    assert one != other


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (" 203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:443, 10.0.0.1", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("unknown, 10.0.0.1", ""),
        ("", ""),
        (None, ""),
        ("<script>", ""),
    ],
)
def test_forwarded_addresses_are_addresses(header: str | None, expected: str) -> None:
    assert expected == first_address(header)


@given(st.text(), st.text())
def test_no_header_makes_a_request_fail(cookie: str, forwarded: str) -> None:
    span = RecordedSpan()
    UserFinder(SETTINGS).from_wsgi(span, {"HTTP_COOKIE": cookie, "HTTP_X_FORWARDED_FOR": forwarded})
    assert set(span.attributes) <= {PSEUDO_ID, FORWARDED_FOR}


@given(st.floats(0, 2e9), st.sampled_from([0.5, 1.0, 5.0]), st.sampled_from([-0.1, 0.0, 0.02]))
def test_waits_end_at_the_next_multiple_and_never_at_the_same_again(
    now: float, period: float, offset: float
) -> None:
    wait = wait_s(now, period, offset, 0.0)
    at = now + wait
    assert 0.009 < wait < period + 0.011
    assert abs((at - offset) / period - round((at - offset) / period)) < 1e-5
    assert wait_s(now, period, offset, now + 7) >= 7


def test_processes_take_the_lowest_free_number_and_a_killed_one_gives_its_own_back(tmp_path: Path) -> None:
    slots = [Slot(tmp_path, "shop/1") for _ in range(3)]
    assert [0, 1, 2] == [slot.take() for slot in slots]
    script = (
        "import sys, time; from pathlib import Path; from bongsu.agent.identity import Slot;"
        "slot = Slot(Path(sys.argv[1]), 'shop/1'); print(slot.take(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert "3" == child.stdout.readline().strip()
        child.kill()
        child.wait()
    assert 0 == Slot(tmp_path, "other").take()
    slots[1].leave_to_parent()
    assert 1 == Slot(tmp_path, "shop/1").take()
    assert os.getpid() == Slot(Path("/proc/nothing"), "shop").take(), "no folder: the process id"


def test_names_are_the_operators_or_made_of_service_host_and_number() -> None:
    given = {"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.instance.id=web-7"}
    assert ("web-7", "web-7-2") == (instance_name("s", given, 0), instance_name("s", given, 2))
    assert instance_name("shop", {}, 3).startswith("shop-")
    assert instance_name("shop", {}, 3).endswith("-3")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


CONTAINER = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        (
            {
                "proc/self/cgroup": "0::/app/web\n",
                "sys/fs/cgroup/app/web/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/app/cpu.max": "100000 100000\n",
                "sys/fs/cgroup/app/web/memory.max": "max\n",
                "sys/fs/cgroup/app/memory.max": "536870912\n",
            },
            1.0,
            536870912,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None, None),
        (
            {
                "proc/self/cgroup": f"4:cpu,cpuacct:/docker/{CONTAINER}\n5:memory:/docker/{CONTAINER}\n0::/x\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            2.5,
            None,
        ),
        ({}, None, None),
    ],
)
def test_limits_of_containers_are_the_lowest_on_the_way_up(
    tmp_path: Path, files: dict[str, str], cpus: float | None, memory: int | None
) -> None:
    assert (cpus, memory) == container_limits(write(tmp_path, files))


def test_hosts_of_containers_are_told_by_the_kernel_not_by_the_image(tmp_path: Path) -> None:
    files = {"etc/machine-id": "of-the-image\n", "proc/sys/kernel/random/boot_id": "of-the-kernel\n"}
    outside = host_attributes(write(tmp_path / "a", files))
    inside = host_attributes(write(tmp_path / "b", files | {"proc/self/cgroup": f"0::/docker/{CONTAINER}\n"}))
    assert ("of-the-image", "of-the-kernel") == (outside["host.id"], inside["host.id"])
    assert CONTAINER == inside["container.id"] == container_id(tmp_path / "b")
    assert "container.id" not in outside


def test_the_environment_of_a_command_keeps_what_the_operator_has_set() -> None:
    base = {
        "PYTHONPATH": "/app",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=b,X-TC-APP-KEY=old",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup",
    }
    made = environment_for(base, url="http://h:1/", key="k", name=None, command=("/usr/bin/gunicorn", "x"))
    assert ("http://h:1/otlp", "a=b,x-tc-app-key=k", "http/dup", "gunicorn") == tuple(
        made[name]
        for name in (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_SEMCONV_STABILITY_OPT_IN",
            "OTEL_SERVICE_NAME",
        )
    )
    assert f"{BOOTSTRAP}:/app" == made["PYTHONPATH"]
    named = environment_for(made, url=None, key=None, name="shop", command=("x",))
    assert ("shop", made["PYTHONPATH"]) == (named["OTEL_SERVICE_NAME"], named["PYTHONPATH"])
    for wrong, error_id in (
        (("h:1", "k"), "agent-no-server"),
        ((None, "k"), "agent-no-server"),
        (("http://h", None), "agent-no-key"),
    ):
        with pytest.raises(InvalidInput) as caught:
            environment_for({}, url=wrong[0], key=wrong[1], name=None, command=("x",))
        assert error_id == caught.value.id


def test_settings_are_read_and_wrong_ones_named() -> None:
    read = read_settings(
        {"BONGSU_AGENT_USER_HEADER": "X-User, X-Account", "BONGSU_AGENT_USER_FORWARDED": "none"}
    )
    assert (("x-user", "x-account"), "", 5_000) == (read.user_headers, read.forwarded, read.period_ms)
    assert (300_000, 60_000) == (read.lost_ms, read_settings({"BONGSU_AGENT_LOST": "60000"}).lost_ms)
    for name in ("BONGSU_AGENT_QUEUE", "BONGSU_AGENT_PERIOD", "BONGSU_AGENT_LOST"):
        for value in ("", "0", "-1", "5s"):
            with pytest.raises(InvalidInput, match=name):
                read_settings({name: value})


def test_waiting_connections_of_a_listening_socket_are_counted() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=5) as listener:
        assert 0 == accept_queue(listener)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        assert 3 == accept_queue(listener)
        for client in clients:
            client.close()
    assert 0 == accept_queue(object())


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python below the agent, reporting to a port that nobody listens on."""
    env = environment_for(
        {**os.environ, **environment}, url="http://127.0.0.1:9", key="k", name="t", command=("python",)
    )
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_agent_is_light_no_server_code_is_imported() -> None:
    code = (
        "import sys; print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "('numba', 'numpy', 'sqlalchemy', 'starlette', 'uvicorn', 'aiohttp', 'django', 'flask', 'structlog')))"
    )
    ended = run_python(code)
    assert ("[]", 0) == (ended.stdout.strip(), ended.returncode), ended.stderr


def test_a_helper_script_below_the_application_is_no_agent() -> None:
    code = (
        "import subprocess, sys;"
        "print(subprocess.run([sys.executable, '-c', 'import sys; print(\"opentelemetry.sdk\" in sys.modules)'],"
        " capture_output=True, text=True).stdout.strip(), 'opentelemetry.sdk' in sys.modules)"
    )
    assert "False True" == run_python(code).stdout.strip()


def test_a_mistake_in_the_settings_does_not_stop_the_application() -> None:
    ended = run_python("print('runs')", BONGSU_AGENT_QUEUE="many")
    assert ("runs", 0) == (ended.stdout.strip(), ended.returncode)
    assert "the application runs without it: BONGSU_AGENT_QUEUE is 'many'" in ended.stderr


def test_an_application_ends_quickly_while_the_server_is_away() -> None:
    import time

    began = time.monotonic()
    code = (
        "from opentelemetry import trace; t = trace.get_tracer('x')\n"
        "for i in range(2000):\n  t.start_span('s').end()\n"
        "print('done')"
    )
    assert "done" == run_python(code).stdout.strip()
    assert time.monotonic() - began < 15
