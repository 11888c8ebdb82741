"""One page: what it says, how it is written, and which answers it shows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CLUSTER = "howto"
"""The tmux session of the pages, and so the cluster that their queries ask about."""
WHO_DIED = "Which agents are down?"
WHAT_WENT_WRONG = "What went wrong, and to whom?"
AGENTS = f"""\
tmux new-session -d -s {CLUSTER} -n boss 'sleep 3600'
tmux set-option -p -t {CLUSTER}:boss @agent_name grand_boss
tmux new-window -d -t {CLUSTER}: -n worker 'sleep 3600'
tmux set-option -p -t {CLUSTER}:worker @agent_name worker
"""
DEATH = f"tmux kill-window -t {CLUSTER}:worker\n"
END = f"tmux kill-session -t {CLUSTER}\n"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
COLLECTOR = "orchestrator-telemetry collector run"
MONITOR = f"orchestrator-telemetry dashboard --tmux-session {CLUSTER}"
EVERY_SECOND = "export OTEL_METRIC_EXPORT_INTERVAL=1000   # metrics every second, while you look; else every minute\n"
DOCTOR = "orchestrator-telemetry doctor --only pipeline"
_ANSWER = re.compile(r"<!-- answer: ([\w-]+) ([0-9a-f]+) -->\n```\w+\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """Something to be done before the collector starts.

    Attributes:
        title: Its heading.
        words: What is said before it.
        text: A script, or part of a file.
        language: `sh`, or that of the file.
        stays: Whether the script runs until the end, in a terminal of its own.
    """

    title: str
    words: str
    text: str
    language: str = "sh"
    stays: bool = False


@dataclass(frozen=True)
class Ask:
    """A question and the command that asks it.

    Attributes:
        words: The question, in words.
        command: A script whose output is the answer.
        arrived: A pattern that the answer matches as soon as everything is there.
        language: Of the answer: `json` or `text`.
    """

    words: str
    command: str
    arrived: str
    language: str = "json"


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: Of its file.
        title: What the backend is called.
        about: What goes there, and what stood for the backend when the answers were made.
        needs: What must be there before, one line each.
        variables: NAME=value, for the collector.
        asks: The first query, and others.
        mistake: A command with a usual mistake; what is said about it is shown.
        query: The first query in the backend's own language, for the index.
        more: What else is to be known.
        before: What is to be done before the collector starts.
        has_metrics: Whether metrics are asked for, which leave less often.
        doctor: Further NAME=value for doctor alone.
        answered_by_ja: Who gave the answers, in Japanese.
    """

    name: str
    title: str
    about: str
    needs: tuple[str, ...]
    variables: tuple[str, ...]
    asks: tuple[Ask, ...]
    mistake: str
    query: str
    more: str
    before: tuple[Step, ...] = ()
    has_metrics: bool = False
    doctor: tuple[str, ...] = ()
    answered_by_ja: str = "答えは本物のサーバーのものです。"

    @property
    def collector(self) -> str:
        """The script that runs the collector."""
        return exports(self.variables) + COLLECTOR + "\n"

    @property
    def monitor(self) -> str:
        """The script that runs the monitor."""
        return exports((ENDPOINT,)) + (EVERY_SECOND if self.has_metrics else "") + MONITOR + "\n"

    @property
    def examine(self) -> str:
        """The script that has doctor look at all of it."""
        return " ".join((*self.variables, *self.doctor)) + " \\\n    " + DOCTOR + "\n"

    def questions(self) -> Iterable[tuple[str, Ask]]:
        """Each under the name of its answer."""
        return ((f"query-{number}", ask) for number, ask in enumerate(self.asks, 1))


def exports(variables: Iterable[str]) -> str:
    """A line for each."""
    return "".join(f"export {variable}\n" for variable in variables)


def answers_in(text: str) -> dict[str, str]:
    """The answers that a page shows, by their names; without those that are no longer what a run wrote."""
    return {name: answer for name, digest, answer in _ANSWER.findall(text) if digest == digest_of(answer)}


def digest_of(answer: str) -> str:
    """What stands above an answer, so that an answer that somebody edited is told from one that a server gave."""
    return hashlib.sha256(answer.encode()).hexdigest()[:12]


def written(page: Page, answers: Mapping[str, str]) -> str:
    """The whole page.

    Raises:
        KeyError: An answer that is missing.
    """
    parts = [
        f"# {page.title}: from nothing to the first query",
        "<!-- make how-to: the words stand in tools/how_to, the answers are those of a run -->",
        f"上から順にコマンドを実行すると、最初の問い合わせとその答えまで進めます。{page.answered_by_ja}",
        page.about,
        "You need:",
        "\n".join(f"- {one}" for one in (*page.needs, *_COMMON_NEEDS)),
    ]
    number = 0

    def heading(title: str) -> None:
        nonlocal number
        number += 1
        parts.append(f"## {number}. {title}")

    for step in page.before:
        heading(step.title)
        parts += [step.words, fenced(step.language, step.text)]
    heading("Something to watch")
    parts += ["Two stand-ins for agents, in tmux; your own do as well:", fenced("sh", AGENTS)]
    heading("The collector, in a terminal of its own")
    parts.append(fenced("sh", page.collector))
    heading("The monitor, in another")
    parts.append(fenced("sh", page.monitor))
    parts.append("Its dashboard is at <http://127.0.0.1:8000>, and shows both agents.")
    heading("An agent dies")
    parts.append(fenced("sh", DEATH))
    for name, ask in page.questions():
        parts += [ask.words, fenced("sh", ask.command), _answer(name, ask.language, answers)]
    heading("Where there is no answer")
    parts += [
        _DOCTOR_WORDS,
        fenced("sh", page.examine),
        _answer("doctor", "text", answers),
        "A mistake in the variables ends the collector before it starts, in one line:",
        fenced("sh", page.mistake),
        _answer("mistake", "text", answers),
    ]
    heading("Afterwards")
    parts += ["Ctrl-C in the terminals, and:", fenced("sh", END), "## More", page.more, _BACK]
    return "\n\n".join(parts) + "\n"


_COMMON_NEEDS = (
    """\
`orchestrator-telemetry` ([README](../../README.md); without installing it `.venv/bin/orchestrator-telemetry`, after
  `make run` once) and its collector (`orchestrator-telemetry collector build`, once, some minutes)""",
    "tmux, curl, jq",
)
_DOCTOR_WORDS = """\
`doctor` sends a metric, a log line and a span of its own, and looks for them at the end of the way. ✗ stands before
what is broken, and beneath it what to do. When all is well:"""
_BACK = """\
Times, ids and ports in the answers are examples; the rest is what the servers said to `tests/e2e/test_how_to.py`.
[All backends](README.md) · [every variable](../../otel-collector/README.md#backends)"""


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}```"


def _answer(name: str, language: str, answers: Mapping[str, str]) -> str:
    return f"<!-- answer: {name} {digest_of(answers[name])} -->\n{fenced(language, answers[name])}"
