"""A real Kafka, broker and controller in one process, out of the published jars, and a reader of its topics."""

from __future__ import annotations

import base64
import shlex
import subprocess
from pathlib import Path
from typing import ClassVar

from tests.backends import build, needs
from tests.backends.server import HOST, Server, ServerError

# Serial collector and first compiler only: a broker that lives for minutes starts faster and stays smaller.
JAVA_OPTIONS = ("-Xms192m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
CLUSTER = "YmFja2VuZHMtYmFja2VuZA"  # 16 bytes in base64, as Kafka wants a cluster's id
STARTED = "Kafka Server started"
LOG_LEVELS = ("defaultLogLevel=warn", "log.kafka.server.KafkaRaftServer=info")


class Kafka(Server):
    """One broker that makes a topic, of one partition, when it is first written to."""

    part: ClassVar[str] = "kafka"
    port_names: ClassVar[tuple[str, ...]] = ("broker", "controller")

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self._log_before = 0

    @property
    def brokers(self) -> str:
        """The value for KAFKA_BROKERS."""
        return f"{HOST}:{self.ports['broker']}"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        config = self.data / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        self._log_before = self.log.stat().st_size if self.log.exists() else 0
        formatting = ("format", "--ignore-formatted", "--cluster-id", CLUSTER, "--config", str(config))
        self._run("kafka.tools.StorageTool", *formatting)
        return [*_java(built), "kafka.Kafka", str(config)]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return STARTED.encode() in self.log.read_bytes()[self._log_before :]

    def messages(self, topic: str) -> list[bytes]:
        """The value of every message that is in a topic now; [] without such a topic."""
        return [base64.b64decode(line) for line in self._run("backends.Reader", self.brokers, topic).splitlines()]

    def _run(self, program: str, *arguments: str) -> str:
        """What a program of the jars printed. Raises `ServerError`."""
        command = [*_java(build.folder(self.part)), program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=self.data)
        if done.returncode:
            raise ServerError(f"{program} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
        return done.stdout

    def _settings(self) -> dict[str, object]:
        controller = f"{HOST}:{self.ports['controller']}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.brokers},CONTROLLER://{controller}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.data / "logs",
            "log.cleaner.dedupe.buffer.size": 4 << 20,
            "offsets.topic.replication.factor": 1,
            "group.initial.rebalance.delay.ms": 0,
        }


def console_consumer(folder: Path) -> None:
    """Puts Kafka's `kafka-console-consumer.sh` into a folder of programs."""
    command = [*_java(build.folder(Kafka.part)), "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    program = folder / "kafka-console-consumer.sh"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)


def _java(built: Path) -> list[str]:
    levels = (f"-Dorg.slf4j.simpleLogger.{level}" for level in LOG_LEVELS)
    return [needs.required("java"), *JAVA_OPTIONS, *levels, "-cp", f"{built / 'classes'}:{built / 'lib'}/*"]
