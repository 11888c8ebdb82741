"""Where nothing is sent to, however it is spelled, and what of a URL is a secret."""

from __future__ import annotations

import pytest

from telemetry.notify.addresses import check_url, pieces

FORBIDDEN = [
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.254.43518",
    "169.254.169.254.",
    "１６９.254.169.254",
    "169。254。169。254",
    "100.100.100.200",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[febf::1]",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "metadata.google.internal",
    "METADATA.google.internal.",
]
ALLOWED = [
    *("127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.1.1", "172.16.0.1", "[fd00::1]", "8.8.8.8"),
    *("hooks.slack.com", "[::ffff:127.0.0.1]", "169.example.org", "alertmanager"),
]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_link_local_and_metadata_addresses_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(ValueError, match="link-local or a cloud's metadata service") as refused:
        check_url(f"http://{host}:8080/secret-path")
    assert "secret-path" not in str(refused.value)


@pytest.mark.parametrize("host", ALLOWED)
def test_loopback_private_and_public_hosts_are_fine(host: str) -> None:
    assert check_url(f"https://{host}/x").scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.slack.com/x", "ftp://h/secret", "file:///etc/secret", "http://", "http:///secret"),
        *("http://h:0/secret", "http://h:99999/secret", "http://[::1/secret", "http://h/sec\nret", "http://h/ secret"),
        *("http://h\\secret", "http://user:secret@h/"),
    ],
)
def test_what_is_no_usable_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        check_url(url)
    assert "secret" not in str(refused.value)


def test_a_url_is_given_away_by_its_path_query_and_login_and_not_by_its_host() -> None:
    found = pieces("https://user-name:p%40ss@hooks.example/services/T0KEN-1/?key=abc%2Fdefg")
    assert {"user-name", "p@ss", "p%40ss", "user-name:p@ss", "T0KEN-1", "abc%2Fdefg", "abc/defg"} <= found
    assert not any(piece in "hooks.example" for piece in found)
