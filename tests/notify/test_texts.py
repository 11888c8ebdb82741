"""What people read, in each language."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.model import AlertLevel, NoticeKind
from telemetry.notify import texts
from telemetry.notify.alertmanager import alerts as alertmanager_alerts
from telemetry.notify.base import Language, Surroundings
from telemetry.notify.mail import mail
from telemetry.notify.slack import payload as slack_payload
from tests.notify.samples import FIRED, HOSTILE, SURROUNDINGS, message, notice, resolved, trial

JAPANESE = Surroundings(language="ja")


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        *((-5, "0 s", "0秒"), (0.9, "0 s", "0秒"), (45, "45 s", "45秒"), (200, "3 min 20 s", "3分20秒")),
        *((3600, "1 h", "1時間"), (3605, "1 h", "1時間"), (187_200, "2 d 4 h", "2日4時間")),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, english: str, japanese: str) -> None:
    assert (texts.duration(seconds), texts.duration(seconds, "ja")) == (english, japanese)


def test_headlines() -> None:
    repeat = notice(kind=NoticeKind.REPEAT, at=FIRED + 7200)
    cluster = notice(agent="", level=AlertLevel.CRITICAL, rule="cluster_down")
    assert texts.headline(message()) == "[ERROR] worker-1: worker-1 has stopped"
    assert texts.headline(message(repeat)) == "[ERROR] worker-1 (still open): worker-1 has stopped"
    assert texts.headline(message(repeat), "ja") == "[ERROR] worker-1 (継続中): An agent has stopped"
    assert texts.headline(message(resolved())) == "[RESOLVED] worker-1: worker-1 has stopped"
    assert texts.headline(message(cluster)) == "[CRITICAL] main: worker-1 has stopped"
    assert texts.headline(message(notice(), cluster)) == "[CRITICAL] cluster main: 2 open"
    assert texts.headline(message(notice(), resolved(), cluster)) == "[CRITICAL] cluster main: 2 open, 1 resolved"
    assert texts.headline(message(notice(), resolved()), "ja") == "[ERROR] クラスタ main: 発生中1件, 解消1件"
    assert texts.headline(message(resolved(), resolved())) == "[RESOLVED] cluster main: 2 resolved"
    assert texts.headline(trial()) == "[TEST] cluster main: test message, nothing is wrong"


def test_the_whole_message_tells_every_alert_with_what_is_known_of_it() -> None:
    rose = notice(agent="b", kind=NoticeKind.LEVEL, level=AlertLevel.CRITICAL, before=AlertLevel.ERROR, at=FIRED + 90)
    text = texts.plain(message(resolved(agent="c"), notice(), rose), SURROUNDINGS)
    blocks = text.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["[CRITICAL] b", "[ERROR] worker-1", "[RESOLVED] c"]
    assert "Level: Critical, was Error" in blocks[0]
    assert re.search(r"Since: \S+ \S+ \S+ \(for 1 min 30 s\)", blocks[0])
    for line in (
        *("  worker-1 has stopped", "  Level: Error", "  Cluster: main", "  Role: builder"),
        *("  Rule: An agent has stopped (agent_stopped)", "  What to do: Look at its pane, then start it again."),
        *("  Dashboard: https://dash.example/?a=1&b=2", "  Logs: https://logs.example/main/worker-1"),
    ):
        assert line in blocks[1].splitlines()
    assert "Trace" not in text  # none is known
    assert "Over at: " in blocks[2]
    assert "Lasted: 3 min 20 s" in blocks[2]


def test_in_japanese_no_label_is_left_in_english() -> None:
    text = texts.plain(message(notice(summary="停止", todo="再起動", message="停止しました")), JAPANESE)
    assert "対応方法: 再起動" in text
    for label in ("Level", "Cluster", "Role", "Rule", "Since", "What to do"):
        assert label not in text


def test_in_japanese_what_is_wrong_is_said_in_japanese_on_every_channel() -> None:
    said = "agent stopped: pane %5 is gone; it was at «the docs»"
    wrong = "エージェントが停止しました: ペイン %5 がありません（作業「the docs」の途中）"
    told = message(notice(message=said, summary="エージェントが動いていません。"))
    many = message(*[notice(message=said, agent=f"a{number}") for number in range(30)])
    assert texts.headline(told, "ja") == f"[ERROR] worker-1: {wrong}"
    assert f"  {wrong}\n" in texts.plain(told, JAPANESE)
    mail_to = mail(told, JAPANESE, "a@example.org", ["b@example.org"])
    shown = [
        *(str(slack_payload(told, JAPANESE)), str(slack_payload(many, JAPANESE))),
        *(str(alertmanager_alerts(told, JAPANESE, FIRED)), str(mail_to["subject"])),
        *(str(part.get_content()) for part in mail_to.walk() if not part.is_multipart()),
    ]
    for text in shown:
        assert "エージェントが停止しました" in text
        assert "agent stopped" not in text


@pytest.mark.parametrize("language", texts.PHRASES)
def test_every_language_has_every_phrase(language: Language) -> None:
    phrases = texts.PHRASES[language]
    assert set(phrases.levels) == set(AlertLevel)
    assert set(phrases.links) == {"runbook", "dashboard", "logs", "trace"}
    assert [size for size, _ in phrases.units] == [size for size, _ in texts.ENGLISH.units]
    for field in fields(phrases):
        here, there = getattr(phrases, field.name), getattr(texts.ENGLISH, field.name)
        if isinstance(here, str) and field.name != "joint":
            assert here
            assert set(re.findall(r"{\w+}", here)) == set(re.findall(r"{\w+}", there)), field.name


def test_a_test_message_says_so() -> None:
    assert texts.plain(trial(), SURROUNDINGS).startswith("This is a test message of the channel test.")
    assert texts.trial(message()) == ""


@given(st.text(), st.text(), st.sampled_from(["en", "ja"]))
def test_names_and_messages_never_break_out_of_their_line(name: str, said: str, language: Language) -> None:
    told = notice(agent=name, message=said, role=name, note=said)
    assert "\n" not in texts.headline(message(told), language)
    assert "\n" not in texts.title(told, language)
    known = texts.facts(told, language)
    lines = texts.plain(message(told), Surroundings(language=language)).split("\n")
    assert len(lines) == 2 + len(known)


def test_a_hostile_name_is_one_clean_line() -> None:
    assert texts.headline(message(notice(agent=HOSTILE))).isprintable()


def test_a_quote_loses_its_secrets_before_it_is_cut_or_escaped() -> None:
    said = texts.quoted("x" * 190 + "SECRET-path\n" + "y" * 100, ["secret-PATH", ""])
    assert said.startswith("x" * 190)
    assert "SECRET" not in said
    assert len(said) == texts.LONGEST_QUOTE
    assert texts.quoted("a\x1b[0mb\x00", ["b\x00"]) == "a[redacted]"
