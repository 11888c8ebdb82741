"""What the stub's model answers: the last thing its user said is the stage direction, one line of these.

    work SECONDS          streams an answer for that long
    hold NAME             streams until the test releases NAME
    fail STATUS           the API refuses with that HTTP status
    ask [COMMAND]         a shell command that needs a permission (none given: it makes the file `asked-for`)
    shell SECONDS         a shell that sleeps in the background, the turn being over at once
    team NAME [LINE]      a teammate of that name, whose own first line is LINE (none given: work 0)
    agent [LINE]          a plain subagent
    tell NAME LINE        a message to a teammate
    tool NAME JSON        any other tool, with its input

Anything else, and what a tool gave back, is answered with `DONE` at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DONE = "All done."
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
LINE = re.compile(
    r"(?:work|shell) \d+(?:\.\d+)?|hold [\w.-]+|fail \d{3}|(?:ask|agent)(?: .+)?"
    r"|team [\w-]+(?: .+)?|tell [\w-]+ .+|tool \w+ \{.*\}"
)


@dataclass(frozen=True)
class Answer:
    """One answer of the model: text, streamed for `seconds` or until `held` is released, or one call of a tool."""

    text: str = DONE
    seconds: float = 0.0
    held: str = ""
    tool: str = ""
    input: Mapping[str, Any] | None = None
    status: int = 200


def answer(request: Mapping[str, Any]) -> Answer:
    """The answer to one request of the Messages API, decided by its last user message alone."""
    said = [message for message in request["messages"] if message["role"] == "user"][-1]["content"]
    blocks = [{"type": "text", "text": said}] if isinstance(said, str) else said
    if not request.get("tools") or any(block["type"] == "tool_result" for block in blocks):
        return Answer()
    text = REMINDER.sub("", "\n".join(block["text"] for block in blocks if block["type"] == "text"))
    lines = [line.strip() for line in text.splitlines() if LINE.fullmatch(line.strip())]
    return directed(lines[-1]) if lines else Answer()


def directed(line: str) -> Answer:
    """The answer that one stage direction means."""
    word, _, rest = line.partition(" ")
    first, _, more = rest.partition(" ")
    match word:
        case "work":
            return Answer(seconds=float(first))
        case "hold":
            return Answer(held=first)
        case "fail":
            return Answer(status=int(first))
        case "tool":
            return Answer(tool=first, input=json.loads(more))
    helper = {"subagent_type": "general-purpose"}
    tools: dict[str, tuple[str, dict[str, Any]]] = {
        "ask": ("Bash", {"command": rest or "touch asked-for", "description": "wants a permission"}),
        "shell": ("Bash", {"command": f"sleep {first}", "description": "sleeps", "run_in_background": True}),
        "team": ("Agent", {**helper, "description": "teamwork", "name": first, "prompt": more or "work 0"}),
        "agent": ("Agent", {**helper, "description": "legwork", "prompt": rest or "work 0"}),
        "tell": ("SendMessage", {"to": first, "summary": "a message", "message": more}),
    }
    tool, given = tools[word]
    return Answer(tool=tool, input=given)
