"""Claude Code's folder as it really writes it (2.1.330), real processes, and a source that watches both.

What the program wrote is here as it was seen, but for paths, prompts and keys.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.clock import SystemClock
from telemetry.sources.base import Place
from telemetry.sources.claude.source import ClaudeOptions, ClaudeSource
from telemetry.sources.processes import LinuxProcesses
from telemetry.testing import FakeClock
from tests.waiting import eventually

if TYPE_CHECKING:
    from telemetry.clock import Clock
    from telemetry.model import AgentSample, Reading
    from telemetry.sources.processes import ProcessTable
    from telemetry.store import Store

START = 1_795_662_796.948
"""When the sessions here were started; seconds in a test count from it."""
BOOTED_AT = START - 1000
"""When the machine was started on which they ran: the one that runs the tests may be younger than they are."""
NOBODY = 4_194_300
"""A process id that no process here has."""


def millis(at: float) -> int:
    """Seconds after `START`, as the program writes times."""
    return round((START + at) * 1000)


def a_session(
    pid: int, session_id: str = "f50b2b6e-f685-44f6-b5cd-9a25d42d0da6", at: float = 0.0, **more: Any
) -> dict[str, Any]:
    """A session file; `status="waiting", waitingFor="permission prompt"` as the program has them. None leaves out."""
    said: dict[str, Any] = {
        "pid": pid,
        "sessionId": session_id,
        "cwd": "/home/somebody/project",
        "startedAt": millis(at),
        "procStart": proc_start(pid),
        "version": "2.1.330",
        "peerProtocol": 1,
        "peerFeatures": ["notify_idle", "reply_across_default_dirs", "artifact_yield"],
        "kind": "interactive",
        "entrypoint": "cli",
        "pidDomain": f"linux:{machine_id()}:{os.readlink('/proc/self/ns/pid')}",  # noqa: PTH115 - no path but a word
        "asksForConvertedSkills": None,
        "tmux": "main:@1.%1",
        "messagingSocketPath": f"/tmp/cc-socks/{pid}.sock",  # noqa: S108 - as it stands there
        "name": "project-09",
        "nameSource": "derived",
        "nameSince": millis(at),
        "status": "idle",
        "updatedAt": millis(at + 0.5),
        "statusUpdatedAt": millis(at + 0.5),
    } | more
    return {key: value for key, value in said.items() if value is not None}


def a_lead(team: str, *, at: float = 0.0) -> dict[str, Any]:
    return {
        "agentId": f"team-lead@{team}",
        "name": "team-lead",
        "agentType": "team-lead",
        "joinedAt": millis(at),
        "tmuxPaneId": "leader",
        "cwd": "/home/somebody/project",
        "subscriptions": [],
        "backendType": "in-process",
    }


def a_member(team: str, name: str = "scout", *, at: float = 0.0, **more: Any) -> dict[str, Any]:
    """A teammate in the lead's process; `tmuxPaneId="%2", backendType="tmux", isActive=True` for one in a pane."""
    return {
        "agentId": f"{name}@{team}",
        "name": name,
        "color": "blue",
        "joinedAt": millis(at),
        "tmuxPaneId": "in-process",
        "subscriptions": [],
        "agentType": "general-purpose",
        "model": "claude-opus-5-5",
        "prompt": "THE WHOLE PROMPT",
        "planModeRequired": False,
        "cwd": "/home/somebody/project",
        "backendType": "in-process",
    } | more


def a_team(
    name: str, *members: dict[str, Any], session_id: str = "", pid: int = NOBODY, at: float = 0.0
) -> dict[str, Any]:
    """A team with its lead."""
    return {
        "name": name,
        "createdAt": millis(at),
        "leadAgentId": f"team-lead@{name}",
        "leadSessionId": session_id or "16c3c462-dc11-40c9-9b5b-d2051659a3bb",
        "leadProcess": {
            "pid": pid,
            "pidSpace": "vm#pid:[4026531836]",
            "claimedAt": millis(at),
            "procStart": proc_start(pid),
        },
        "members": [a_lead(name, at=at), *members],
    }


def a_task(number: int, status: str = "pending", owner: str | None = None, *blocked_by: int) -> dict[str, Any]:
    task: dict[str, Any] = {
        "id": str(number),
        "subject": f"Task {number}",
        "description": "THE DESCRIPTION",
        "activeForm": f"Doing {number}",
        "status": status,
        "blocks": [],
        "blockedBy": [str(other) for other in blocked_by],
    }
    return task | ({"owner": owner} if owner else {})


def a_note(sender: str, text: str | dict[str, Any], at: float = 0.0, *, read: bool = False) -> dict[str, Any]:
    from datetime import UTC, datetime

    written = datetime.fromtimestamp(START + at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "from": sender,
        "text": text if isinstance(text, str) else json.dumps(text),
        "timestamp": written,
        "msgV": 1,
        "msg_id": "cc9e3422-0000-0000-0000-000000000000",
        "type": "message",
        "read": read,
    }


def proc_start(pid: int) -> str:
    info = LinuxProcesses().get(pid)
    return str(info.started) if info is not None else "2551334"


def machine_id() -> str:
    path = Path("/etc/machine-id")
    return path.read_text("ascii").strip() if path.exists() else ""


class World:
    """A folder of Claude Code, processes, and a source; seconds count from `START`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / ".claude"
        (self.root / "sessions").mkdir(parents=True)
        self.problems: list[str] = []
        self.reading: Reading
        self.source: ClaudeSource | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    # --- what is there ----------------------------------------------------------------------------------------------

    def process(self, *arguments: str) -> int:
        """A real process with a real command line."""
        program = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"] if arguments else ["sleep", "600"]
        process = subprocess.Popen([*program, *arguments])
        self._processes.append(process)
        if arguments:
            eventually(lambda: LinuxProcesses().arguments(process.pid)[-1:] == [arguments[-1]], every=0.005)
        return process.pid

    def teammate(self, name: str, team: str) -> int:
        """The process of a teammate in a pane."""
        return self.process("--agent-id", f"{name}@{team}", "--agent-name", name, "--team-name", team, "--model", "m")

    def kill(self, pid: int, *, reap: bool = True) -> None:
        process = next(process for process in self._processes if process.pid == pid)
        os.kill(pid, signal.SIGKILL)
        if reap:
            process.wait()

    def session(self, pid: int, session_id: str = "f50b2b6e-f685-44f6-b5cd-9a25d42d0da6", **more: Any) -> Path:
        """Writes a session file in place, as the program does."""
        return self.write(f"sessions/{pid}.json", a_session(pid, session_id, **more))

    def team(self, name: str, *members: dict[str, Any], **more: Any) -> Path:
        return self.write(f"teams/{name}/config.json", a_team(name, *members, **more))

    def inbox(self, team: str, owner: str, *notes: dict[str, Any]) -> Path:
        return self.write(f"teams/{team}/inboxes/{owner}.json", list(notes))

    def tasks(self, team: str, *tasks: dict[str, Any]) -> None:
        for task in tasks:
            self.write(f"tasks/{team}/{task['id']}.json", task)

    def write(self, name: str, content: Any) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    # --- what is seen -----------------------------------------------------------------------------------------------

    def make(
        self,
        *,
        store: Store | None = None,
        processes: ProcessTable | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> ClaudeSource:
        """A new source; one that was there before is closed."""
        self.close_source()
        place = Place("work", ClaudeOptions(config_dir=self.root, **options), store, self.problems.append)
        self.source = ClaudeSource(place, processes, clock or FakeClock(START), BOOTED_AT)
        return self.source

    def read(self, at: float = 1.0) -> dict[str, AgentSample]:
        """One check, so many seconds after the start: all agents by name."""
        source = self.source or self.make()
        self.reading = asyncio.run(source.read(START + at))
        agents = {agent.name: agent for agent in self.reading.agents}
        assert len(agents) == len(self.reading.agents), "names are unique"
        return agents

    def only(self, at: float = 1.0) -> AgentSample:
        agents = self.read(at)
        assert len(agents) == 1, agents
        return next(iter(agents.values()))

    def close_source(self) -> None:
        if self.source is not None:
            asyncio.run(self.source.close())
            self.source = None

    def close(self) -> None:
        self.close_source()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()


REAL_TIME = SystemClock()
