"""What `tasks/<team>/<n>.json` says, and what follows for a team and for each of its members."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from telemetry.model import TeamTasks
from telemetry.sources.claude.fields import Fields, in_words
from telemetry.sources.claude.files import UnusableError

PENDING, IN_PROGRESS, DONE = "pending", "in_progress", "completed"
_GONE = frozenset({"deleted", "cancelled"})


class Task(NamedTuple):
    """One task.

    Attributes:
        id: Its number in its team, as a text.
        subject: What it is about: cleaned, one line.
        owner: Whose it is: a member's name or agent id, cleaned; "" where nobody's.
        status: pending, in_progress, completed, or what else it says.
        blocked_by: Ids of the tasks that must be done first.
        made_at: Unix s.
    """

    id: str
    subject: str = ""
    owner: str = ""
    status: str = PENDING
    blocked_by: tuple[str, ...] = ()
    made_at: float = 0.0


class Work(NamedTuple):
    """What the tasks of a team say of one member: whether it has any, and what it is at."""

    has_work: bool
    at: str = ""


def task_of(content: Any, number: str, modified: float) -> tuple[Task, str]:
    """One task, and what of it could not be used ("" for nothing).

    Args:
        content: What its JSON says.
        number: The number in its file's name.
        modified: When that was changed last (Unix s): its age where it doesn't say one.

    Raises:
        UnusableError: It is no task.
    """
    if not isinstance(content, dict):
        raise UnusableError("must hold an object")
    fields = Fields(content)
    blocked_by = (Fields({"id": item}).word("id")[:100] for item in fields.items("blockedBy"))
    task = Task(
        id=number,
        subject=fields.text("subject"),
        owner=fields.name("owner"),
        status=fields.name("status") or PENDING,
        blocked_by=tuple(filter(None, blocked_by)),
        made_at=fields.moment("createdAt") or modified,
    )
    return task, in_words(fields.wrong)


def counted(team: str, tasks: Collection[Task]) -> TeamTasks:
    """The tasks of one team in numbers."""
    unfinished = _unfinished(tasks)
    kinds = [_kind(task, unfinished) for task in tasks]
    left = [task.made_at for task in tasks if task.id in unfinished and task.made_at]
    return TeamTasks(
        team=team,
        open=kinds.count("open"),
        in_progress=kinds.count(IN_PROGRESS),
        blocked=kinds.count("blocked"),
        done=kinds.count(DONE),
        oldest_at=min(left, default=0.0),
    )


def work_of(owners: Collection[str], tasks: Iterable[Task]) -> Work:
    """What one member has to do.

    Args:
        owners: By which names tasks may call it.
        tasks: Those of its team.
    """
    tasks = list(tasks)
    unfinished = _unfinished(tasks)
    mine = [task for task in tasks if task.owner in owners and task.id in unfinished]
    now_at = next((task.subject for task in mine if task.status == IN_PROGRESS), "")
    return Work(any(_kind(task, unfinished) != "blocked" for task in mine), now_at)


def _unfinished(tasks: Iterable[Task]) -> frozenset[str]:
    return frozenset(task.id for task in tasks if task.status != DONE and task.status not in _GONE)


def _kind(task: Task, unfinished: Collection[str]) -> str:
    if task.status == DONE:
        return DONE
    if task.status in _GONE:
        return ""
    if task.status == IN_PROGRESS:
        return IN_PROGRESS
    return "blocked" if any(other in unfinished and other != task.id for other in task.blocked_by) else "open"
