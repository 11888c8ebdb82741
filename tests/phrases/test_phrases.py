"""Every sentence that the program can say is known in Japanese."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import phrases
from telemetry.alerts import CATALOGUE
from telemetry.phrases import Phrasebook, phrasebook, raw, said
from tests.phrases.collecting import Sentence, modules, sentences
from tests.phrases.examples import EXAMPLES, UNSHOWN

UNSPOKEN = frozenset(
    (
        *("sources/agents_file.py", "sources/process/options.py", "sources/tmux/options.py"),  # told to who starts it
        *(f"notify/{name}.py" for name in ("addresses", "email", "keeping")),
        *(f"collector/{name}.py" for name in ("building", "launch", "places", "process")),
        *("web/keyring.py", "web/tokens.py"),
        *(f"sources/claude/{name}.py" for name in ("books", "fields", "sessions", "tasks", "teams")),  # the log's
        *("alerts/lifecycle.py", "alerts/engine.py", "store/codec.py"),
        *(f"web/{name}.py" for name in ("errors", "limits", "parameters", "push")),  # answers to programs
        *(f"web/{name}.py" for name in ("feed", "hub", "pages", "sessions", "stream")),
        *("sources/push/events.py", "web/openapi.py", "web/schema.py", "web/schema_agents.py", "web/schema_alerts.py"),
        "web/schema_push.py",
        *("alerts/rules.py", "alerts/pipeline_rules.py", "notify/mail.py", "notify/texts.py"),  # both languages
        *("web/login.py", "web/login_page.py", "web/runbooks.py"),
        *("store/alerts.py", "store/schema.py", "store/timeline_rows.py"),  # SQL
        *("store/copies.py", "store/recovery.py"),  # told to who copies it
    )
)
"""Files below these folders whose sentences come neither to the dashboard nor to people who are notified."""
_FOLDERS = ("sources", "alerts", "health", "notify", "collector", "store", "web")
SPOKEN = (
    *("exits.py", "observer.py", "deathwatch.py", "model/alerts.py"),
    *(name for folder in _FOLDERS for name in modules(folder) if name not in UNSPOKEN),
)
"""Files whose sentences come to the dashboard, or to people who are notified: every new one, too."""
JAPANESE = phrasebook("ja")
_ENGLISH = re.compile(r"[A-Za-z']{2,}(?: +[A-Za-z']{2,})+")
_NAMES = re.compile(
    r"⟦\d⟧|\w+\(\)|`[^`]*`|/[\w/.]+|systemctl --user|Claude Code|Authorization: \S+ …|its own words|gave up on purpose"
    r"|write the docs; then test|a task|connection refused|read または operate"
)


def left_in_english(japanese: str) -> list[str]:
    """Where two words stand together that are no names."""
    return _ENGLISH.findall(_NAMES.sub("·", japanese))


def _says(sentence: Sentence, example: str) -> bool:
    """Whether all pieces of a text stand in an example."""
    return re.search(".*".join(map(re.escape, sentence.parts)), example) is not None


@pytest.mark.parametrize("sentence", sentences(*SPOKEN), ids=str)
def test_every_sentence_of_the_source_is_known(sentence: Sentence) -> None:
    if str(sentence).strip() in {text.replace("{{", "{").replace("}}", "}") for text in UNSHOWN}:
        return
    found = JAPANESE.find(sentence.filled())
    if found is not None and not left_in_english(found):
        return
    assert any(_says(sentence, example) for example in EXAMPLES), (
        f"{sentence.place} says something that telemetry/phrases/ja.json doesn't know: «{sentence}». It needs a pair "
        "there, an example in tests/phrases/examples.py where it is only a piece of a sentence, or a place in UNSHOWN"
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_is_put_together_is_known_as_a_whole(example: str) -> None:
    found = JAPANESE.find(example)
    assert found is not None
    assert not left_in_english(found), found


def test_the_examples_read_as_they_should() -> None:
    for english, japanese in {
        "works": "作業中です",
        "pane %5 is gone: it was killed by signal 9 (SIGKILL)": (
            "ペイン %5 がありません（シグナル 9 (SIGKILL) で強制終了しました）"
        ),
        "agent stopped: process 12: it ended in pane %1; it was at «a task»": (
            "エージェントが停止しました: ペイン %1 のプロセス 12 は終了しました（作業「a task」の途中）"
        ),
        "busy → stopped: process 7: it was killed by signal 9 (SIGKILL) in pane %1": (
            "稼働中 → 停止: ペイン %1 のプロセス 7 はシグナル 9 (SIGKILL) で強制終了しました"
        ),
        "busy → stopped: pane %5 is gone": "稼働中 → 停止: ペイン %5 がありません",
        "5 spans given up and none sent ever; 12 waiting": (
            "トレース 5 件を破棄し、送信できたものはありません。12 件待機"
        ),
        "silenced by root: x": "root が通知を停止中: x",
        "tmux says busy, claude says idle: tmux is nearest to the agent": (
            "tmux は稼働中、claude はアイドル。エージェントに最も近い tmux を採用"
        ),
    }.items():
        assert said(english, "ja") == japanese
        assert said(english, "en") == english


@pytest.mark.parametrize(
    "reason", [one for one in EXAMPLES if not one.startswith(("agent ", "busy ", "idle ", "unknown "))]
)
def test_a_reason_says_the_same_alone_and_within_an_alert_or_a_change(reason: str) -> None:
    alone = said(reason, "ja")
    assert said(f"agent stopped: {reason}", "ja") == f"エージェントが停止しました: {alone}"
    assert said(f"agent is unresponsive: {reason}; it was at «x: y»", "ja").endswith(f": {alone}（作業「x: y」の途中）")
    assert said(f"busy → stopped: {reason}", "ja") == f"稼働中 → 停止: {alone}"
    assert said(f"the source does not answer: {reason}", "ja") == f"情報源が応答しません: {alone}"


def test_what_agents_and_people_wrote_is_never_translated() -> None:
    assert said("silenced by works: has nothing to do", "ja") == "works が通知を停止中: has nothing to do"
    assert said("agent idle for more than 5 s; it was at «works»", "ja").endswith("（作業「works」の途中）")
    assert said("1 of 2 agents stopped: works, it ended", "ja").endswith(": works, it ended")
    assert JAPANESE.find("I am done, and it was fun") is None
    assert said("I am done, and it was fun", "ja") == "I am done, and it was fun"


def test_no_template_is_there_twice_and_each_fills_the_holes_that_it_has() -> None:
    held = json.loads(raw("ja"))
    pairs = [tuple(pair) for subject in held["sentences"].values() for pair in subject]
    assert [english for english, count in Counter(english for english, _ in pairs).items() if count > 1] == []
    for english, japanese in pairs:
        holes = re.findall(r"\{[!+=#]?(\w+)(?:@(\w+))?\}", english)
        assert sorted(name for name, _ in holes) == sorted(re.findall(r"\{(\w+)\}", japanese)), english
        assert all(words in held["words"] for _, words in holes if words), english


def test_every_rule_says_in_japanese_what_is_wrong() -> None:
    for rule in CATALOGUE:
        assert not left_in_english(rule.summary_ja + rule.todo_ja)


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    found = JAPANESE.find(text)
    assert found is None or found


def test_a_long_text_stays_english() -> None:
    assert JAPANESE.find("agent stopped: " + "x" * 3_000) is None


@pytest.mark.parametrize(
    "unit", ["works; works, works: ", "works: works; ", "busy → idle: works; works, ", "agent stopped: "]
)
def test_a_text_that_is_made_of_many_sentences_costs_little(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counted(texts: Sequence[str], text: str) -> list[str] | None:
        nonlocal looked
        looked += 1
        return fitting(texts, text)

    fitting = phrases._fitting
    monkeypatch.setattr(phrases, "_fitting", counted)
    JAPANESE.find((unit * 1_000)[:1_900] + "works")
    assert looked < 40_000  # a few hundredths of a second


def test_what_is_kept_is_bounded() -> None:
    book = Phrasebook({"words": {}, "sentences": {"": [("{n} waiting", "{n} 件")]}})
    for number in range(5_000):
        assert book.find(f"{number} waiting") == f"{number} 件"
    assert len(book._kept) <= 500
