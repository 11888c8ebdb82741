"""Planted secrets of every kind are gone from what leaves the cleaning, and what only looks like one stays."""

from __future__ import annotations

import re
import uuid

import pytest

from telemetry.clean import REDACTED, clean_field, clean_name, clean_text, clean_value, is_secret_key
from telemetry.clean.secret_forms import FORMS
from telemetry.signals.log_record import exception_fields
from tests.planting import Planted, Planter
from tools import redaction

SECRET_NAMES = """password PASSWD secret token api_key apiKey X-Api-Key authorization Cookie auth_token accessToken
    DD_API_KEY client_secret SLACK_WEBHOOK_URL SMTP_PASS private-key db.password jwt refresh_token npm_authToken
    credentials set-cookie userpassword aws_access_key DB_PASSWORD_OLD token2 X-Auth-Token auth
    http.request.header.authorization
    secrets session.key password_value"""
OTHER_NAMES = """token_count tokens trace_id max_tokens gen_ai.usage.input_tokens key author passed monkey agent_name
    secret_name token_type password_file auth_method cookie_count primary_key record_id orchestrator.agent.idle_time
    code.function.name"""
PLANTED = list(Planter(1).every_kind())


def left_of(planted: Planted, *texts: object) -> bool:
    """Whether a piece of the secret is still there."""
    return any(piece in str(text) for text in texts for piece in planted.pieces)


@pytest.mark.parametrize("index", range(len(PLANTED)), ids=[planted.kind for planted in PLANTED])
def test_a_planted_secret_is_gone(index: int) -> None:
    planted = PLANTED[index]
    for number, text in enumerate(Planter(2).everywhere(planted)):
        missed = left_of(planted, clean_text(text, 20_000), clean_value({"a": [{"b": text}, (text,)]}, 20_000))
        assert not missed, f"{planted.kind}, in form {number}"
    named = left_of(planted, clean_name(planted.text), clean_field(planted.text, 1), clean_value({planted.text: 1}))
    assert not named, f"{planted.kind}, as a name"


def test_each_form_of_the_list_is_planted() -> None:
    texts = [planted.text for planted in PLANTED]
    unseen = []
    for form in FORMS:
        found = [match[0] for text in texts for match in re.finditer(form.keep + form.pattern, text)]
        signed = all(any(sign in match for sign in form.signs) for match in found)
        assert signed, f"a {form.kind} without any of its signs"
        unseen += [] if found else [form.kind]
    assert unseen == ["PuTTY key"]  # which is tested by hand below
    key = "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAAIBxyz\nPrivate-MAC: 0a1b2c"
    assert "AAAAIB" not in clean_text(key)


def test_no_pattern_needs_more_than_both_languages_have() -> None:
    for form in FORMS:
        assert not re.search(r"\(\?[=!<P>]|[*+?}]\+|\\[1-9AZz]", form.pattern + form.keep), form.kind


HOUSE_LINES = [
    "Agent started agent_name=grand_boss cluster=main pane_index=3 state=busy",
    "trace_id=5b8efff798038103d269b633813fc60c span_id=eee19b7ec3c1b174 trace_flags=01",
    "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01",
    "record_id=01J0000000000000000000000A then 01HZXK3V9Q8W7E6R5T4Y3U2P1M",
    "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071",
    "commit 3f786850e387550fdaab836ed7e6dc881de23001 (HEAD -> main)",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  dist/telemetry-0.1.0.tar.gz",
    "/home/agent/projects/orchestrator-telemetry/tests/test_monitor.py:27",
    "/srv/agents/workspace/orchestrator/telemetry/signals/providers.py",
    "tmux pane %12 of session main, window @3, server 4711",
    "2026-11-26T18:14:45.123456Z INFO check took 0.004 s; 12:30:01",
    "task-5b8efff798038103d269b633813fc60c is done; disk-usage-of-the-whole-machine: 5",
    "disk_test_throughput report_of_the_whole_cluster_and_its_agents export_telemetry_to_prometheus",
    "POST http://127.0.0.1:4318/v1/logs 200; GET http://localhost:8000/api/v1/agents?cluster=main",
    "ssh://git@github.com/x/y.git user@host.example",
    "orchestrator.agent.idle_time=12.5 gen_ai.usage.input_tokens=1200 max_tokens=4096",
    "token_count=12; the key is under the mat; key=value; author: J. Doe; monkey=1",
    "RISK-ASSESSMENT: MICROSERVICE ORCHESTRATION; SKIPPED 3, MISSING 2",
    "arn:aws:iam::123456789012:role/telemetry i-0123456789abcdef0 us-east-1",
    "registry.example/team/image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "0x7f8a1c2d3e4f <telemetry.monitor.Monitor object at 0x7f8a1c2d3e4f>",
    "claude-opus-4-20250514 gpt-4o-mini-2024-07-18 session 8a7b6c5d-1234-4abc-9def-0123456789ab",
    "-----BEGIN CERTIFICATE----- is no private key",
    'File "/usr/lib/python3.11/asyncio/base_events.py", line 1922, in _run_once',
]


@pytest.mark.parametrize("line", HOUSE_LINES)
def test_the_houses_own_lines_stay(line: str) -> None:
    for text in (line, f"one\n{line}\ntwo", f"one\\n{line}\\ntwo"):
        assert clean_text(text) == text
    assert clean_value({"x": [line]}) == {"x": [line]}


def test_ids_of_any_kind_stay() -> None:
    planter = Planter(3)
    for _ in range(2000):
        ulid = f"01{planter.some(24, '0123456789ABCDEFGHJKMNPQRSTVWXYZ')}"
        ids = [uuid.UUID(hex=planter.some(32, "0123456789abcdef")), ulid]
        ids += [planter.some(size, "0123456789abcdef") for size in (7, 8, 16, 32, 40, 64, 128)]
        text = " ".join(map(str, ids)) + "\n" + "\n".join(map(str, ids))
        assert clean_text(text) == text


def test_what_stands_beside_names_a_secret() -> None:
    given = {
        "argv": ["mysql", "--user", "u", "--password", "hunter2", "db"],
        "headers": [("X-Api-Key", "hunter2"), ("Accept", "text")],
        "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOME", "value": "/root"}],
    }
    assert clean_value(given) == {
        "argv": ["mysql", "--user", "u", "--password", REDACTED, "db"],
        "headers": [["X-Api-Key", REDACTED], ["Accept", "text"]],
        "env": [{"name": "DB_PASSWORD", "value": REDACTED}, {"name": "HOME", "value": "/root"}],
    }


def test_a_secret_across_the_cut_of_a_stack_trace_is_gone() -> None:
    for before in range(0, 120, 7):
        planted = Planter(before).by_looks("GitHub personal")
        said = exception_fields(ValueError("x" * (4000 + before) + f" {planted} " + "y " * 40_000))[
            "exception.stacktrace"
        ]
        missed = planted[:16] in str(said)
        assert not missed, "GitHub personal"


@pytest.mark.parametrize("name", [*SECRET_NAMES.split(), *OTHER_NAMES.split()])
def test_the_collector_knows_the_same_names(name: str) -> None:
    secret = any(re.search(pattern.replace(r"\z", r"\Z"), name) for pattern in redaction.key_patterns())
    assert secret == is_secret_key(name) == (name in SECRET_NAMES.split())


def test_the_collectors_patterns_are_fresh() -> None:
    text = redaction.FILE.read_text()
    assert redaction.generated(text) == text
