"""Somebody who follows a how-to page, command by command.

Only the ports are others than on the page, and the names of what several tests share (`Far`): both are put into the
commands before they run, and back into the answers.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from telemetry.collector import cache_dir
from tests.backends.kafka import console_consumer
from tests.backends.prometheus import Prometheus, Target
from tests.backends.server import free_ports
from tests.collector.harness import get
from tests.waiting import eventually
from tools.how_to.page import AGENTS, DEATH, END, Page, Step

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0
"""Seconds for an answer, which usually takes one: seven programs of each kind run at once."""
OUR_PORTS = {
    4318: "ORCHESTRATOR_COLLECTOR_HTTP_PORT",
    4317: "ORCHESTRATOR_COLLECTOR_GRPC_PORT",
    13133: "ORCHESTRATOR_COLLECTOR_HEALTH_PORT",
    8888: "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT",
    8889: "ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT",
    8000: "ORCHESTRATOR_DASHBOARD_PORT",
}
"""Of the collector and the monitor, by where they are on the pages."""
_KILLED = "it was killed by signal 1 (SIGHUP)"
_HOW = rf"(?:it ended|{re.escape(_KILLED)})"
EXAMPLES = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "4bf92f3577b34da6a3ce929d0e0e4736"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "0198c5c4-8a3e-7b6d-9f21-5d0c3a7e4b10"),
    (re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b"), "01K6WZ4Q8M3T5V7X9B2D4F6H8J"),
    (re.compile(r"\b1[789]\d{8}\.\d+"), "1790000000.123"),
    (re.compile(r"\(\d+\.\d s\)"), "(0.5 s)"),
    # how much is known of a death depends on the kernel, and on whether the process or the pane was missed first
    (
        re.compile(rf"process \d+: {_HOW} in pane %1|pane %1 is gone(?:: {_HOW})?"),
        f"process 4711: {_KILLED} in pane %1",
    ),
)
"""What is another one in each run, and what the pages have in its place."""


@dataclass(frozen=True)
class Far:
    """The far end of a page.

    Attributes:
        ports: Where it listens, by where it does on the page.
        names: Other names than those on the page.
        environ: What the collector is told beside what the page says.
    """

    ports: Mapping[int, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Terminal:
    """Where something runs, and what it said."""

    process: subprocess.Popen[bytes]
    output: Path

    def until_answers(self, url: str) -> None:
        """Waits until it answers 200."""

        def answers() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return bool(get(url))

        eventually(answers, what=f"{url} ({self.output})")


class Reader:
    """Somebody who follows one page in a home folder of their own."""

    def __init__(self, page: Page, folder: Path, far: Far, prometheus: Prometheus) -> None:
        self.page, self._home, self._far, self._prometheus = page, folder, far, prometheus
        ours = dict(zip(OUR_PORTS, free_ports(len(OUR_PORTS)), strict=True))
        self._ports = {**ours, **self._far.ports}
        self._errors = folder / "errors.log"
        programs = folder / "bin"
        programs.mkdir(parents=True)
        console_consumer(programs)
        (folder / "otel-collector").symlink_to(ROOT / "otel-collector")
        self._environ = {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMUX_TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "PYDANTIC_DISABLE_PLUGINS": "1",  # those of development tools; a user's installation has none
            "ORCHESTRATOR_CACHE_DIR": str(cache_dir()),
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            **{variable: str(ours[port]) for port, variable in OUR_PORTS.items()},
            **self._far.environ,
        }

    def follow(self) -> dict[str, str]:
        """From the top to the end of the page; the answers, as the page shows them."""
        answers = {"mistake": self._run(self.page.mistake, errors=True)}
        with ExitStack() as stack:
            stack.callback(self._run, "tmux kill-server")
            for step in self.page.before:
                self._prepare(step, stack)
            self._run(AGENTS)
            collector = stack.enter_context(self._terminal("collector", self.page.collector))
            collector.until_answers(self._address(13133, "/"))
            monitor = stack.enter_context(self._terminal("monitor", self.page.monitor))
            monitor.until_answers(self._address(8000, "/readyz"))
            agents = get(self._address(8000, "/api/v1/agents"))
            assert "grand_boss" in agents, agents
            assert '"worker"' in agents, agents
            self._run(DEATH)
            for name, ask in self.page.questions():
                answers[name] = self._until(ask.command, ask.arrived)
            answers["doctor"] = self._until(self.page.examine, "Nothing is broken", errors=True)
            self._run(END)
        return answers

    def _prepare(self, step: Step, stack: ExitStack) -> None:
        if step.stays:
            far_end = stack.enter_context(self._terminal("far end", step.text))
            far_end.until_answers(self._address(23133, "/"))
        elif step.language == "yaml":
            stack.callback(self._prometheus.scrape)
            jobs = yaml.safe_load(self._here(step.text))["scrape_configs"]
            self._prometheus.scrape(
                *(
                    Target(job["job_name"], address, honor_labels=job["honor_labels"])
                    for job in jobs
                    for static in job["static_configs"]
                    for address in static["targets"]
                )
            )
        else:
            assert '"acknowledged":true' in self._run(step.text)

    def _address(self, port: int, path: str) -> str:
        return f"http://127.0.0.1:{self._ports[port]}{path}"

    def _until(self, command: str, pattern: str, *, errors: bool = False) -> str:
        """What a command of the page prints as soon as that matches."""

        def answer() -> str:
            said = self._run(command, errors=errors)
            assert re.search(pattern, said), said + self._errors.read_text(encoding="utf-8", errors="replace")
            return said

        return eventually(answer, PATIENCE, every=0.2, what=f"{self.page.name}: {command}")

    def _run(self, script: str, *, errors: bool = False) -> str:
        """What a script of the page prints, with or without what it says on standard error, as the page has it."""
        with self._errors.open("wb") as sink:
            done = subprocess.run(
                ["bash", "-c", self._here(script)],
                env=self._environ,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if errors else sink,
                timeout=120,
                check=False,
                encoding="utf-8",
                errors="replace",
            )
        return self._as_on_the_page(done.stdout)

    @contextmanager
    def _terminal(self, name: str, script: str) -> Iterator[Terminal]:
        """A terminal in which a script runs until it is left."""
        output = self._home / f"{name}.log"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                ["bash", "-c", f"trap : TERM\n{self._here(script)}"],  # so that bash stays until its program has ended
                env=self._environ,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Terminal(process, output)
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(timeout=30) == 0, output.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)

    def _here(self, script: str) -> str:
        """A script of the page, for where the servers are in truth."""
        numbers = "|".join(str(port) for port in self._ports)
        script = re.sub(rf"(?<=[:=])(?:{numbers})\b", lambda found: str(self._ports[int(found[0])]), script)
        for name, here in self._far.names.items():
            script = script.replace(name, here)
        return script

    def _as_on_the_page(self, answer: str) -> str:
        for there, port in self._ports.items():
            answer = re.sub(rf"(?<=[\w.]:){port}\b", str(there), answer)
        for name, here in self._far.names.items():
            answer = answer.replace(here, name)
        answer = answer.replace(str(self._home), "~")
        for pattern, example in EXAMPLES:
            answer = pattern.sub(example, answer)
        return answer
