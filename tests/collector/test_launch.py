"""Command line, environment, the words of errors, and the child's life. Scripts stand in for the collector."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telemetry.collector import Collector, CollectorError, child_environment, command, merged_config, validate
from telemetry.collector.launch import explain

BINARY = Path("/bin/x")


def script(folder: Path, body: str) -> Path:
    path = folder / "collector"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_command() -> None:
    assert command(BINARY) == ["/bin/x", "--config=backends:"]
    assert command(
        BINARY, backends="a,b", configs=["own.yaml", Path("/x/y.yaml"), "yaml:a: 1"], subcommand="validate"
    ) == [
        "/bin/x",
        "validate",
        "--config=backends:a,b",
        "--config=file:own.yaml",
        "--config=file:/x/y.yaml",
        "--config=yaml:a: 1",
    ]


def test_environment(tmp_path: Path) -> None:
    made = child_environment({"XDG_STATE_HOME": str(tmp_path)})
    assert made["ORCHESTRATOR_COLLECTOR_FILE_DIR"] == str(tmp_path / "orchestrator-telemetry" / "collector")
    assert made["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"] == f"{made['ORCHESTRATOR_COLLECTOR_FILE_DIR']}/queue"
    assert made["GOMEMLIMIT"] == "409MiB"
    given = {
        "ORCHESTRATOR_COLLECTOR_FILE_DIR": "/x",
        "ORCHESTRATOR_COLLECTOR_QUEUE_DIR": "/y",
        "GOMEMLIMIT": "1GiB",
        "ORCHESTRATOR_COLLECTOR_HOST": "::1",
    }
    assert child_environment(given) == given
    assert "GOMEMLIMIT" not in child_environment({"ORCHESTRATOR_COLLECTOR_MEMORY_MIB": "much"})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["noise", "otelcol-orchestrator: backend a needs B"], "backend a needs B"),
        (["2026 info x", "Error: bad:", "  at http://u:p@host/x", ""], "bad: at http://***@host/x "),
        (["one", "http://u:p@h"], "http://***@h"),
        ([], ""),
    ],
)
def test_the_words_of_an_error(lines: list[str], words: str) -> None:
    assert explain(lines) == words.strip()


def test_a_program_that_says_nothing_or_cannot_be_run(tmp_path: Path) -> None:
    assert validate(script(tmp_path, "exit 3"), environ={}) == "the collector ended with status 3 and said nothing"
    with pytest.raises(CollectorError, match=r"^no$"):
        merged_config(script(tmp_path, "echo 'Error: no' >&2; exit 1"), environ={})
    with pytest.raises(CollectorError, match="can't be run"):
        validate(tmp_path / "absent", environ={})


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    seen: list[str] = []
    stubborn = script(tmp_path, 'trap "" TERM; echo "Everything is ready." >&2; exec tail -f /dev/null')

    async def scenario() -> int | None:
        collector = Collector(binary=stubborn, environ={"PATH": "/usr/bin:/bin"}, on_line=seen.append)
        await collector.start()
        await collector.ready()
        return await collector.stop(timeout=0.2)

    assert asyncio.run(scenario()) == -9
    assert seen == ["Everything is ready."]


def test_lines_of_any_length_and_a_listener_that_fails(tmp_path: Path) -> None:
    seen: list[str] = []
    talker = script(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x >&2; printf '\\nlast \\377 word' >&2; exit 4")

    def listen(line: str) -> None:
        seen.append(line)
        raise ValueError

    async def scenario() -> None:
        collector = Collector(binary=talker, environ={"PATH": "/usr/bin:/bin"}, on_line=listen)
        assert await collector.wait() is None
        assert collector.returncode is None
        await collector.start()
        with pytest.raises(CollectorError, match=r"^the collector ended at its start: last � word$"):
            await collector.ready()
        assert collector.returncode == 4

    asyncio.run(scenario())
    assert sum(len(line) for line in seen[:-1]) == 3_000_000
    assert seen[-1] == "last � word"


def test_one_that_is_never_ready(tmp_path: Path) -> None:
    async def scenario() -> None:
        idle = script(tmp_path, "exec tail -f /dev/null")
        collector = Collector(binary=idle, environ={"PATH": "/usr/bin:/bin"})
        await collector.start()
        with pytest.raises(CollectorError, match=r"wasn't ready within 0\.1 s"):
            await collector.ready(timeout=0.1)
        await collector.stop()

    asyncio.run(scenario())


def test_what_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRATOR_COLLECTOR_BINARY", raising=False)
    with pytest.raises(CollectorError, match="isn't built yet: run `orchestrator-telemetry collector build`"):
        asyncio.run(Collector(environ={}).start())
    with pytest.raises(CollectorError, match="can't be run"):
        asyncio.run(Collector(environ={}, binary=tmp_path / "absent").start())
