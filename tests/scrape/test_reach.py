"""What tenants' targets may reach, and what an operator opens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.scrape.reach import ANYWHERE, Reach, plain_host


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.3.4", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:7f00:1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b:1::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("169.254.169.254", "link-local"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1%2", "multicast"),
        ("255.255.255.255", "multicast"),
    ],
)
def test_what_only_the_server_can_see_is_closed_in_every_spelling(address: str, kind: str) -> None:
    assert f"a {kind} address" == Reach().refusal(address, 9100)
    assert "" == ANYWHERE.refusal(address, 9100)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "172.17.0.1", "8.8.8.8", "fd12::1", "2001:db8::1"]
)
def test_private_and_public_networks_are_open(address: str) -> None:
    assert "" == Reach().refusal(address, 9100)
    assert "a closed address" == Reach().closing(["0.0.0.0/0", "::/0"]).refusal(address, 9100)


def test_a_network_is_opened_for_whoever_may_use_it() -> None:
    wide = Reach().allowing(["127.0.0.0/8", "fe80::/10"])

    assert "" == wide.refusal("127.0.0.1", 9100)
    assert "" == wide.refusal("::ffff:127.0.0.1", 9100)
    assert "" == wide.refusal("fe80::1%eth0", 9100)
    assert "a loopback address" == wide.refusal("::1", 9100)
    assert "a loopback address" == Reach().refusal("127.0.0.1", 9100)


@pytest.mark.parametrize(
    ("written", "host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("localhost", "LOCALHOST.", True),
        ("app.localhost", "app.localhost", True),
        ("db.example", "db.example", False),
        ("2130706433", "2130706433", False),
        ("0x7f.1", "0x7f.1", False),
        ("localhost.example", "localhost.example", False),
    ],
)
def test_an_operators_address_is_trusted_and_a_name_that_may_lead_anywhere_is_not(
    written: str, host: str, *, expected: bool
) -> None:
    assert expected is Reach().trusting([written]).trusts(host)


def test_the_servers_own_ports_are_closed_on_every_address_of_the_machine() -> None:
    # Loopback is opened, so that the port alone decides; every machine has it.
    reach = Reach(closed=(), own_ports=frozenset({9595}))

    assert "this server's own port 9595" == reach.refusal("127.0.0.1", 9595)
    assert "this server's own port 9595" == reach.refusal("::ffff:127.0.0.1", 9595)
    assert "" == reach.refusal("127.0.0.1", 9596)
    assert "" == reach.refusal("203.0.113.1", 9595)


@given(st.ip_addresses(v=4))
def test_an_address_in_another_is_judged_as_itself(address: object) -> None:
    plain = Reach().refusal(str(address), 80)

    assert plain == Reach().refusal(f"::ffff:{address}", 80)
    assert plain == Reach().refusal(f"64:ff9b::{address}", 80)


@given(st.ip_addresses())
def test_a_host_has_one_plain_form(address: object) -> None:
    assert plain_host(str(address)) == plain_host(plain_host(f"[{address}]"))
