"""What a mail looks like: readable by people and by filters, and no header that an agent wrote."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.model import AlertLevel, Message
from telemetry.notify.base import Surroundings
from telemetry.notify.mail import mail
from tests.notify.samples import FIRED, HOSTILE, SURROUNDINGS, message, notice, resolved, trial

FROM = "monitor@example.org"
TO = ("a@example.org", "b@example.org")
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version"),
    *("X-Auto-Response-Suppress", "X-Orchestrator-Level", "X-Orchestrator-Cluster", "X-Orchestrator-Resolved"),
    *("X-Orchestrator-Test", "Content-Type"),
}


def _read(sent: Message, surroundings: Surroundings = SURROUNDINGS) -> EmailMessage:
    """The mail as a reader gets it."""
    content = mail(sent, surroundings, FROM, TO).as_bytes()
    assert content.isascii()
    read = message_from_bytes(content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def _part(read: EmailMessage, kind: str) -> str:
    part = read.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_headers() -> None:
    read = _read(message())
    assert read["Subject"] == "[ERROR] worker-1: worker-1 has stopped"
    assert read["From"] == f"orchestrator-telemetry <{FROM}>"
    assert read["To"] == "a@example.org, b@example.org"
    assert read["Message-ID"] == f"<{'a' * 32}@example.org>"
    assert read["Date"].datetime.timestamp() == FIRED
    assert (read["X-Orchestrator-Level"], read["X-Orchestrator-Resolved"]) == ("error", "false")
    assert read["Auto-Submitted"] == "auto-generated"


def test_the_same_message_is_the_same_mail_and_an_alerts_mails_are_one_thread() -> None:
    first, again, over = _read(message()), _read(message()), _read(message(resolved(), id="b" * 32))
    assert first["Message-ID"] == again["Message-ID"] != over["Message-ID"]
    assert first["References"] == over["References"]
    assert over["Subject"] == "[RESOLVED] worker-1: worker-1 has stopped"
    assert _read(message(notice(alert_id="other")))["References"] != first["References"]


def test_both_parts_tell_every_alert() -> None:
    alerts = [notice(agent=f"agent-{number}", level=level) for number, level in enumerate(AlertLevel)]
    read = _read(message(*alerts, resolved(agent="gone")))
    for kind in ("plain", "html"):
        text = _part(read, kind)
        for told in alerts:
            assert told.agent in text
        assert "gone" in text
        assert "Look at its pane" in text
        assert "https://logs.example/main/agent-1" in text
    assert 'href="https://dash.example/?a=1&amp;b=2"' in _part(read, "html")


def test_what_an_agent_says_is_text_in_html() -> None:
    told = notice(agent="<script>x</script>", message="<img src=x>", note="&amp;", cluster="<i>", role='"><b>')
    rich = _part(_read(message(told)), "html")
    for markup in ("<script", "<img", "<i>", "<b>x"):
        assert markup not in rich
    assert "&lt;script&gt;" in rich
    assert "&amp;amp;" in rich


def test_a_link_to_something_that_is_no_page_is_text() -> None:
    rich = _part(_read(message(notice(runbook_url="javascript:alert(1)"))), "html")
    assert 'href="javascript' not in rich
    assert "javascript:alert(1)" in rich


@pytest.mark.parametrize(
    "name", [HOSTILE, "x\nBcc: evil@example.org", "x\r\n\r\nbody", "=?utf-8?q?x=0ABcc:_evil?=", "é\n"]
)
def test_no_name_makes_a_header(name: str) -> None:
    _only_ours(name)


@given(st.text(max_size=400))
def test_no_text_at_all_makes_a_header(name: str) -> None:
    _only_ours(name)


def _only_ours(name: str) -> None:
    read = _read(message(notice(agent=name, cluster=name), cluster=name))
    assert {header.lower() for header in read} <= {header.lower() for header in HEADERS}
    assert "\n" not in read["Subject"]
    assert read["To"] == "a@example.org, b@example.org"
    assert read.get_content_type() == "multipart/alternative"


def test_japanese_is_readable() -> None:
    read = _read(message(notice(agent="作業者", summary="停止")), Surroundings(language="ja"))
    assert read["Subject"] == "[ERROR] 作業者: 停止"
    assert "ルール: 停止 (agent_stopped)" in _part(read, "plain")
    assert '<html lang="ja">' in _part(read, "html")


def test_a_test_message_says_so() -> None:
    read = _read(trial())
    assert read["Subject"].startswith("[TEST]")
    assert read["X-Orchestrator-Test"] == "true"
    assert "Nothing is wrong" in _part(read, "html")
