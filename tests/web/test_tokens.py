"""Tokens: what a file holds, what is compared and how, and what makes a file unusable."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.clean.redact import redact
from telemetry.web import tokens
from telemetry.web.failures import EVERY, MOST, MOST_ADDRESSES, Failures, group
from telemetry.web.identity import Role, may, needed
from telemetry.web.keyring import Keyring, TokenFile
from telemetry.web.sessions import LIFE, MOST_SESSIONS, Sessions
from telemetry.web.tokens import Token, TokenError

NOW = 1_800_000_000.0
GRAFANA = Token("grafana", Role.READ, tokens.digest_of("g" * 40), NOW + 60)
DEPLOY = Token("deploy", Role.OPERATE, tokens.digest_of("d" * 40))


def test_a_new_token_has_256_bits_and_never_repeats() -> None:
    made = {tokens.made() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("ort_") and len(token) == 4 + 43 for token in made)


@given(st.text(alphabet="abcXYZ012-_", min_size=43, max_size=43))
def test_a_token_in_a_text_is_redacted(rest: str) -> None:
    for text in (f"ort_{rest}", f"use 'ort_{rest}' for it", f"(ort_{rest})", f"x\nort_{rest}"):
        assert rest not in redact(text)
    assert redact("import_from_string_in_a_module report_to_the_monitor") == (
        "import_from_string_in_a_module report_to_the_monitor"
    )


def test_a_file_holds_what_was_written_and_no_token() -> None:
    text = tokens.written([GRAFANA, DEPLOY])
    assert tokens.parse(text) == (GRAFANA, DEPLOY)
    assert "g" * 40 not in text
    assert "deploy operate never sha256:" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ort_abc", "line 1 is no token"),
        ("# head\n\na read never sha256:12", "line 3 is no token"),
        (f"a admin never sha256:{'0' * 64}", "line 1 is no token"),
        (f"a read tomorrow sha256:{'0' * 64}", "line 1 is no token"),
        (f"../a read never sha256:{'0' * 64}", "line 1 is no token"),
        (f"a read never sha256:{'0' * 64}\n" * 2, "line 2: the name a stands there twice"),
    ],
)
def test_what_is_no_file_of_tokens_is_one_line_without_its_text(text: str, said: str) -> None:
    with pytest.raises(TokenError) as told:
        tokens.parse(text)
    assert said in str(told.value)
    assert "ort_abc" not in str(told.value)


def test_every_token_is_compared_in_constant_time_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    real = hmac.compare_digest

    def counting(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for presented, who in (("g" * 40, GRAFANA), ("d" * 40, DEPLOY), ("x" * 40, None), ("", None)):
        compared.clear()
        assert tokens.found([GRAFANA, DEPLOY], presented) is who
        assert [one for one, _ in compared] == [GRAFANA.digest, DEPLOY.digest]
        assert {other for _, other in compared} == {tokens.digest_of(presented)}


def test_a_token_ends_at_its_time() -> None:
    assert GRAFANA.holds(NOW + 59.9)
    assert not GRAFANA.holds(NOW + 60)
    assert DEPLOY.holds(NOW * 10)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "x" * 513, "with a blank in it", "größe-größe-größe", "a" * 20 + "\x7f"]
)
def test_a_token_of_ones_own_must_be_long_and_plain(token: str) -> None:
    with pytest.raises(TokenError) as told:
        tokens.checked(token)
    assert "16 to 512 visible ASCII characters" in str(told.value)
    assert not token or token not in str(told.value)


# --- roles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/api/v1/agents", Role.READ),
        ("HEAD", "/metrics", Role.READ),
        ("POST", "/api/v1/alerts/ack", Role.OPERATE),
        ("DELETE", "/api/v1/silences/x", Role.OPERATE),
        ("BREW", "/", Role.OPERATE),
        ("POST", "/api/v1/agents/a/b/events", Role.REPORT),
        ("POST", "/api/v1/hooks/claude", Role.REPORT),
        ("PUT", "/api/v1/hooks/claude", Role.OPERATE),
        ("GET", "/api/v1/agents/a/events", Role.READ),
        ("POST", "/api/v1/agents/forget", Role.OPERATE),
        ("POST", "/api/v1/agents//events", Role.OPERATE),
        ("POST", "/x/api/v1/hooks/claude", Role.OPERATE),
    ],
)
def test_method_and_path_say_which_role(method: str, path: str, role: Role) -> None:
    assert needed(method, path) is role


def test_operate_may_everything_and_the_others_their_own() -> None:
    allowed = {(role, what) for role in Role for what in Role if may(role, what)}
    assert allowed == {
        (Role.OPERATE, Role.OPERATE),
        (Role.OPERATE, Role.READ),
        (Role.OPERATE, Role.REPORT),
        (Role.READ, Role.READ),
        (Role.REPORT, Role.REPORT),
    }


# --- files ----------------------------------------------------------------------------------------------------------


def _file(tmp_path: Path, text: str = "", mode: int = 0o600) -> TokenFile:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return TokenFile(path, tokens.parse, may_lack=True)


def test_a_changed_file_holds_at_once(tmp_path: Path) -> None:
    file = _file(tmp_path, tokens.written([GRAFANA]))
    ring = Keyring([DEPLOY], [file])
    assert ring.tokens() == (DEPLOY, GRAFANA)
    _file(tmp_path, tokens.written([GRAFANA, Token("b", Role.REPORT, b"b" * 32)]))
    assert [token.name for token in ring.tokens()] == ["deploy", "grafana", "b"]
    file.path.unlink()
    assert ring.tokens() == (DEPLOY,)


def test_a_file_that_breaks_holds_nothing_any_more_and_that_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    file = _file(tmp_path, tokens.written([GRAFANA]))
    ring = Keyring([DEPLOY], [file], said.append)
    for mode, text in ((0o644, tokens.written([GRAFANA])), (0o600, "ort_oops")):
        file.path.write_text(text)
        file.path.chmod(mode)
        assert ring.tokens() == ring.tokens() == (DEPLOY,)
    assert ["may be read by everybody" in said[0], "line 1 is no token" in said[1]] == [True, True]
    assert len(said) == 2
    assert "oops" not in " ".join(said)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o620, 0o601])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(TokenError, match=r"tokens may be (read by everybody|written by others).*chmod 600"):
        Keyring(files=[_file(tmp_path, tokens.written([GRAFANA]), mode)])


def test_a_group_may_read_it_as_kubernetes_has_secrets(tmp_path: Path) -> None:
    assert Keyring(files=[_file(tmp_path, tokens.written([GRAFANA]), 0o440)]).tokens() == (GRAFANA,)


def test_a_fifo_or_a_folder_is_no_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(TokenError, match="no ordinary file"):
            TokenFile(path, tokens.parse).read()


def test_what_a_setting_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match=r"^ORCHESTRATOR_X: .*nothing isn't there$"):
        TokenFile(tmp_path / "nothing", tokens.parse, "ORCHESTRATOR_X").read()


# --- tries ----------------------------------------------------------------------------------------------------------


def test_ten_tries_then_one_every_six_seconds() -> None:
    tries, now = Failures(), NOW
    for _ in range(MOST):
        assert tries.wait("192.0.2.1", now) == 0
        tries.count("192.0.2.1", now)
    assert tries.wait("192.0.2.1", now) == pytest.approx(EVERY)
    assert tries.wait("192.0.2.2", now) == 0
    assert tries.wait("192.0.2.1", now + EVERY) == 0
    tries.count("192.0.2.1", now + EVERY)
    assert tries.wait("192.0.2.1", now + EVERY) == pytest.approx(EVERY)
    assert tries.wait("192.0.2.1", now + 3600) == 0


def test_a_clock_that_was_set_back_keeps_nobody_out_for_long() -> None:
    tries = Failures()
    for _ in range(MOST):
        tries.count("192.0.2.1", NOW)
    assert tries.wait("192.0.2.1", NOW - 86_400) <= EVERY


def test_one_network_counts_as_one_and_what_is_kept_is_bounded() -> None:
    assert group("2001:db8::1") == group("2001:db8::ffff:1") != group("2001:db8:0:1::1")
    assert group("::ffff:192.0.2.1") == group("192.0.2.1")
    tries = Failures()
    for number in range(MOST_ADDRESSES + 100):
        tries.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", NOW)
    assert len(tries) == MOST_ADDRESSES


def test_sessions_are_bounded_in_number_and_time() -> None:
    held = Sessions()
    names = [held.open(b"d", NOW)[0] for _ in range(MOST_SESSIONS + 1)]
    assert len(held) == MOST_SESSIONS
    assert held.get(names[0], NOW) is None
    assert held.get(names[-1], NOW + LIFE - 1) is not None
    assert held.get(names[-1], NOW + LIFE) is None
    assert len(held) == MOST_SESSIONS - 1
    _, session = held.open(b"d", NOW, token_ends_at=NOW + 5)
    assert session.ends_at == NOW + 5
