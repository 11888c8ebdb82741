"""Every phrase of a message, in each language, and the pieces that Slack, email and Apprise put together from them.

What stands in brackets ([ERROR], [RESOLVED], [TEST]) is the same in every language: people filter their mail by it.
A new language is one more `Phrases` here, and its name in `Language`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from telemetry.clean import REDACTED, clean_line, clean_text
from telemetry.model import AlertLevel, Message, Notice, NoticeKind
from telemetry.notify.base import Language, Surroundings, links
from telemetry.phrases import said

LONGEST_QUOTE = 200
LONGEST_MESSAGE = 2000
_LONGEST_HEADLINE = 200


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language. A template is filled with `str.format`; what it may name stands in its comment."""

    levels: Mapping[AlertLevel, str]
    links: Mapping[str, str]
    units: tuple[tuple[int, str], ...]
    """Seconds in a unit and the unit as it follows a number, longest first."""
    joint: str
    """Between two units of a duration."""
    colon: str
    level: str
    cluster: str
    role: str
    rule: str
    since: str
    until: str
    lasted: str
    todo: str
    note: str
    change: str  # before, now
    lasting: str  # moment, duration
    still_open: str
    firing: str  # count
    over: str  # count
    of_cluster: str  # cluster, what
    test: str
    test_long: str  # channel


ENGLISH = Phrases(
    levels={
        AlertLevel.INFO: "Info",
        AlertLevel.WARNING: "Warning",
        AlertLevel.ERROR: "Error",
        AlertLevel.CRITICAL: "Critical",
    },
    links={"runbook": "Runbook", "dashboard": "Dashboard", "logs": "Logs", "trace": "Trace"},
    units=((86_400, " d"), (3_600, " h"), (60, " min"), (1, " s")),
    joint=" ",
    colon=": ",
    level="Level",
    cluster="Cluster",
    role="Role",
    rule="Rule",
    since="Since",
    until="Over at",
    lasted="Lasted",
    todo="What to do",
    note="Note",
    change="{now}, was {before}",
    lasting="{moment} (for {duration})",
    still_open="still open",
    firing="{count} open",
    over="{count} resolved",
    of_cluster="cluster {cluster}: {what}",
    test="test message, nothing is wrong",
    test_long="This is a test message of the channel {channel}. Nothing is wrong, and nothing needs to be done.",
)
JAPANESE = Phrases(
    levels={
        AlertLevel.INFO: "情報",
        AlertLevel.WARNING: "警告",
        AlertLevel.ERROR: "エラー",
        AlertLevel.CRITICAL: "重大",
    },
    links={"runbook": "対応手順", "dashboard": "ダッシュボード", "logs": "ログ", "trace": "トレース"},
    units=((86_400, "日"), (3_600, "時間"), (60, "分"), (1, "秒")),
    joint="",
    colon=": ",
    level="レベル",
    cluster="クラスタ",
    role="役割",
    rule="ルール",
    since="発生時刻",
    until="解消時刻",
    lasted="継続時間",
    todo="対応方法",
    note="備考",
    change="{before} → {now}",
    lasting="{moment}({duration}継続中)",
    still_open="継続中",
    firing="発生中{count}件",
    over="解消{count}件",
    of_cluster="クラスタ {cluster}: {what}",
    test="テストメッセージです。異常はありません",
    test_long="チャンネル {channel} のテストメッセージです。異常はなく、対応は不要です。",
)
PHRASES: Mapping[Language, Phrases] = {"en": ENGLISH, "ja": JAPANESE}

Label = Literal["level", "cluster", "role", "rule", "since", "until", "lasted", "todo", "note"]


def one_line(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Text that agents made, for a place that has one line: every blank is one space, no control is left."""
    return clean_line(text, limit)


def quoted(text: str, secrets: Iterable[str] = (), limit: int = LONGEST_QUOTE) -> str:
    """What another program said, for a reason: one clean line of at most `limit` characters without our secrets.

    Secrets go first, so that nothing which is cut or escaped on the way can hide one.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(re.escape(secret), REDACTED, text, flags=re.IGNORECASE)
    line = one_line(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def duration(seconds: float, language: Language = "en") -> str:
    """A time span in its two largest units: `45 s`, `3 min 20 s`, `2 d 4 h`."""
    phrases = PHRASES[language]
    rest = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in phrases.units:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break  # the second unit is the next smaller one or none: «1 d», not «1 d 5 s»
        if len(parts) == 2:  # noqa: PLR2004 - two units are exact enough
            break
    return phrases.joint.join(parts) or f"0{phrases.units[-1][1]}"


def moment(at: float) -> str:
    """A point in time on this machine's clock, with its distance from UTC: `2026-07-03 14:05:00 +0900`."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def tag(level: AlertLevel, *, resolved: bool = False, test: bool = False) -> str:
    """`ERROR`, or `RESOLVED` or `TEST`."""
    return "TEST" if test else "RESOLVED" if resolved else level.value.upper()


def title(notice: Notice, language: Language = "en") -> str:
    """One alert's headline, `[ERROR] name`, as the seed has it."""
    again = f" ({PHRASES[language].still_open})" if notice.kind is NoticeKind.REPEAT else ""
    return f"[{tag(notice.level, resolved=notice.resolved)}] {one_line(notice.subject, _LONGEST_HEADLINE)}{again}"


def headline(message: Message, language: Language = "en") -> str:
    """The message in one line: of one alert, its own; of several, the highest level and how many."""
    phrases = PHRASES[language]
    if message.test:
        what = phrases.test
    elif len(message.notices) == 1:
        return _in_full(message.notices[0], language)
    else:
        over = sum(notice.resolved for notice in message.notices)
        counts = ((phrases.firing, len(message.notices) - over), (phrases.over, over))
        what = ", ".join(phrase.format(count=count) for phrase, count in counts if count)
    about = phrases.of_cluster.format(cluster=one_line(message.cluster, _LONGEST_HEADLINE), what=what)
    return f"[{tag(message.level, resolved=message.resolved, test=message.test)}] {about}"


def _in_full(notice: Notice, language: Language) -> str:
    """What a telephone shows of it, and a mail's subject: who, and what is wrong."""
    what = what_is_wrong(notice, language)
    if language != "en" and what == notice.message and notice.summary:  # a source of somebody's own said it
        what = notice.summary
    return f"{title(notice, language)}: {one_line(what, _LONGEST_HEADLINE)}" if what else title(notice, language)


def what_is_wrong(notice: Notice, language: Language = "en") -> str:
    """The alert's message, in the language as far as it is known there."""
    return said(notice.message, language)


def trial(message: Message, language: Language = "en") -> str:
    """The sentence that says it is a test; "" where it is none."""
    return PHRASES[language].test_long.format(channel=one_line(message.channel)) if message.test else ""


def facts(notice: Notice, language: Language = "en") -> dict[Label, str]:
    """What is known of one alert, in the order in which it is shown; what is empty is left out."""
    phrases = PHRASES[language]
    level = phrases.levels[notice.level]
    if notice.before not in (None, notice.level):
        level = phrases.change.format(before=phrases.levels[notice.before or notice.level], now=level)
    span = duration(notice.at - notice.since, language)
    since = moment(notice.since)
    if not notice.resolved and notice.at - notice.since >= 1:
        since = phrases.lasting.format(moment=since, duration=span)
    known: dict[Label, str] = {
        "level": level,
        "cluster": one_line(notice.cluster),
        "role": one_line(notice.role),
        "rule": one_line(f"{notice.summary} ({notice.rule})" if notice.summary else notice.rule),
        "since": since,
        "until": moment(notice.at) if notice.resolved else "",
        "lasted": span if notice.resolved else "",
        "todo": "" if notice.resolved else clean_text(notice.todo, LONGEST_MESSAGE),
        "note": one_line(notice.note),
    }
    return {label: text for label, text in known.items() if text}


def label(name: Label, language: Language = "en") -> str:
    """What a fact is called."""
    return str(getattr(PHRASES[language], name))


def labelled_links(notice: Notice, surroundings: Surroundings) -> list[tuple[str, str]]:
    """(name in the language, URL) of each link of one alert."""
    words = PHRASES[surroundings.language].links
    return [(words[what], url) for what, url in links(notice, surroundings)]


def by_weight(notices: Iterable[Notice]) -> list[Notice]:
    """What burns most first, what is over last; the given order among equals."""
    return sorted(notices, key=lambda notice: (notice.resolved, -notice.level.rank))


def plain(message: Message, surroundings: Surroundings) -> str:
    """The whole message as plain text, every alert of it."""
    language = surroundings.language
    phrases = PHRASES[language]
    blocks = [text] if (text := trial(message, language)) else []
    for notice in by_weight(message.notices):
        lines = [title(notice, language), f"  {one_line(what_is_wrong(notice, language))}"]
        lines += [
            f"  {label(name, language)}{phrases.colon}" + text.replace("\n", "\n    ")
            for name, text in facts(notice, language).items()
        ]
        lines += [f"  {name}{phrases.colon}{url}" for name, url in labelled_links(notice, surroundings)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
