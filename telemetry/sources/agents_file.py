"""The orchestrator's own YAML: which agents a cluster has. Keys that are not about that are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from telemetry.clean import clean_name


class ConfigError(ValueError):
    """The file says something that can't be meant: one line with the file, the key, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class ConfiguredAgent:
    """One entry of `cluster.agents`.

    Attributes:
        name: Unique in the file; cleaned.
        role: Free text, cleaned, or "".
        pane_index: tmux's own `pane_index` in the session's first window, or None: found by `@agent_name` alone.
    """

    name: str
    role: str = ""
    pane_index: int | None = None


@dataclass(frozen=True, slots=True)
class AgentsFile:
    """What the file says; None where it doesn't."""

    cluster: str | None
    session_name: str | None
    agents: tuple[ConfiguredAgent, ...]


def read_agents_file(path: Path) -> AgentsFile:
    """Reads `cluster.name`, `cluster.session_name` and `cluster.agents[]` (`name`, `role`, `pane_index`).

    Raises:
        ConfigError: It can't be read, isn't YAML, or holds a value that is not allowed.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text: byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise ConfigError(f"{path}: is not YAML{line}: {problem}") from error
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{path}: is not YAML that can be read: {error}") from error
    return _Reader(path).file(content)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def file(self, content: object) -> AgentsFile:
        cluster = self._mapping("cluster", self._mapping("the file", content).get("cluster"))
        entries = cluster.get("agents")
        if entries is None:
            entries = []
        if not isinstance(entries, list):
            raise self._wrong("cluster.agents", entries, "a list of entries with name, role and pane_index")
        agents = tuple(self._agent(f"cluster.agents[{index}]", entry) for index, entry in enumerate(entries))
        self._unique([(f"cluster.agents[{i}].name", agent.name) for i, agent in enumerate(agents)])
        self._unique(
            [
                (f"cluster.agents[{i}].pane_index", a.pane_index)
                for i, a in enumerate(agents)
                if a.pane_index is not None
            ]
        )
        name = self._text("cluster.name", cluster.get("name"))
        # Only the name of a cluster is shown; the session's is looked up as tmux has it.
        return AgentsFile(
            cluster=clean_name(name) if name else None,
            session_name=self._text("cluster.session_name", cluster.get("session_name")) or None,
            agents=agents,
        )

    def _agent(self, key: str, entry: object) -> ConfiguredAgent:
        values = self._mapping(key, entry)
        name = self._text(f"{key}.name", values.get("name"))
        if not name:
            raise self._wrong(f"{key}.name", values.get("name"), "a name")
        role = self._text(f"{key}.role", values.get("role"))
        index = values.get("pane_index")
        if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
            raise self._wrong(f"{key}.pane_index", index, "a whole number from 0 up, tmux's own pane_index")
        return ConfiguredAgent(clean_name(name), clean_name(role) if role else "", index)

    def _mapping(self, key: str, value: object) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a mapping" + (" with the key `cluster`" if key == "the file" else ""))
        return value

    def _text(self, key: str, value: object) -> str:
        if value is None:
            return ""
        # YAML turns a bare 007 or 1.5 into a number: those were meant as names. yes/no and lists weren't.
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(key, value, "a text")
        return str(value).strip()

    def _unique(self, values: list[tuple[str, object]]) -> None:
        first: dict[object, str] = {}
        for key, value in values:
            if value in first:
                raise self._wrong(key, value, f"a value of its own: {first[value]} has it already")
            first[value] = key

    def _wrong(self, key: str, value: object, allowed: str) -> ConfigError:
        shown = "nothing" if value is None else clean_name(repr(value))
        return ConfigError(f"{self._path}: {key} is {shown}; allowed is {allowed}")
