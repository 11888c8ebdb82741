"""A home folder in which the program starts without a question, and reads of what it writes there."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "sk-made-up-key-for-a-stub-on-the-loopback-0123456789"
TRUSTED = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True, "allowedTools": []}
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Home:
    """One made-up user's folder; `project` is where programs are started, `temporary` is their TMPDIR."""

    folder: Path
    project: Path
    temporary: Path

    @property
    def claude(self) -> Path:
        """Where the program keeps its files."""
        return self.folder / ".claude"

    @property
    def sessions(self) -> Path:
        """Where each program writes its own state, one file `<pid>.json`."""
        return self.claude / "sessions"

    def variables(self, api: str) -> dict[str, str]:
        """The whole environment of a program whose API is at that URL: nothing of whoever runs the tests.

        The API's address is given as everybody's proxy too, so that nothing reaches the outside.
        """
        tmux = shutil.which("tmux")
        return {
            "HOME": str(self.folder),
            "PATH": f"{Path(tmux).parent}:{SYSTEM_PATH}" if tmux else SYSTEM_PATH,
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            "ANTHROPIC_BASE_URL": api,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "DISABLE_AUTOUPDATER": "1",
            "HTTP_PROXY": api,
            "HTTPS_PROXY": api,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def settings(self, **values: Any) -> None:
        """Write the user's settings (`hooks=…`, `env=…`), which a program reads when it starts."""
        (self.claude / "settings.json").write_text(json.dumps(values, indent=2))

    def session(self, pid: int) -> dict[str, Any] | None:
        """What a program last wrote of itself; None where there is no file, or half of one at this moment."""
        return read(self.sessions / f"{pid}.json")

    def team(self, session_id: str) -> dict[str, Any] | None:
        """The team whose lead has that session; None as for `session`."""
        return read(self.claude / "teams" / f"session-{session_id[:8]}" / "config.json")

    def member(self, session_id: str, name: str) -> dict[str, Any] | None:
        """One member of that team."""
        members = (self.team(session_id) or {}).get("members", [])
        return next((member for member in members if member["name"] == name), None)


def prepare(folder: Path, *more_projects: Path) -> Home:
    """Make a home under `folder`, and trust its project and the others given; do it before anything is started."""
    home = Home(folder / "home", folder / "project", folder / "tmp")
    for made in (home.claude, home.project, home.temporary):
        made.mkdir(parents=True)
    known = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {os.fspath(project): TRUSTED for project in (home.project, *more_projects)},
    }
    (home.folder / ".claude.json").write_text(json.dumps(known))
    return home


def read(file: Path) -> dict[str, Any] | None:
    """One of the program's JSON files, which it overwrites in place: None while it is torn, or not there."""
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
