"""The socket of the web, and the words where it can't be had."""

from __future__ import annotations

import os
import socket

import pytest

from telemetry.listening import ListenError, RefusedAddressError, listen, port_holder, url
from telemetry.settings import Dashboard


def test_any_free_port_and_where_it_is() -> None:
    with listen(Dashboard(port=0)) as listener:
        port = listener.getsockname()[1]
        assert url(listener) == f"http://127.0.0.1:{port}"
        assert port_holder(port).startswith(f"process {os.getpid()} (")
    assert port_holder(port) == ""


def test_a_port_can_be_had_again_right_after_its_use() -> None:
    with listen(Dashboard(port=0)) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            pass
    listen(Dashboard(port=port)).close()


def test_ipv6_is_written_as_a_url_needs_it() -> None:
    try:
        listener = listen(Dashboard(host="::1", port=0))
    except ListenError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert url(listener).startswith("http://[::1]:")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_what_others_reach_is_refused(host: str) -> None:
    with pytest.raises(RefusedAddressError, match="ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE=1"):
        listen(Dashboard(host=host, port=0))


def test_all_addresses_where_a_token_is_asked_for() -> None:
    with listen(Dashboard(host="0.0.0.0", port=0), asks=True) as listener:
        assert url(listener, tls=True).startswith("https://127.0.0.1:")


def test_the_refusal_says_how_to_get_a_token() -> None:
    with pytest.raises(
        RefusedAddressError, match=r"`orchestrator-telemetry token new` or set ORCHESTRATOR_DASHBOARD_TOKEN"
    ):
        listen(Dashboard(host="0.0.0.0", port=0))


def test_all_addresses_where_it_is_allowed() -> None:
    with listen(Dashboard(host="0.0.0.0", port=0, allow_remote=True)) as listener:
        assert url(listener).startswith("http://127.0.0.1:")


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.7 is no address of this machine: ORCHESTRATOR_DASHBOARD_HOST"):
        listen(Dashboard(host="192.0.2.7", port=0, allow_remote=True))
