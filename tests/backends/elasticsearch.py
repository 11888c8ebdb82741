"""A real Elasticsearch node, out of the published jars, with the index templates that data streams need."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from tests.backends import needs
from tests.backends.parts import ELASTICSEARCH
from tests.backends.server import HOST, Server, ServerError
from tests.waiting import NotYetError

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1.} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""
# Serial collector and first compiler only: a node that lives for minutes starts faster and stays smaller.
JAVA_OPTIONS = ("-Xms384m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class Elasticsearch(Server):
    """One node that is a cluster; `logs-*`, `traces-*` and `metrics-*` become data streams when first written to."""

    part: ClassVar[str] = "elasticsearch"
    port_names: ClassVar[tuple[str, ...]] = ("http", "transport")
    version: ClassVar[str] = ELASTICSEARCH

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        home = self.data / "home"
        for folder in ("config", "plugins", "tmp"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        if not (home / "modules").exists():
            (home / "modules").symlink_to(built / "modules")
        (home / "config" / "log4j2.properties").write_text(LOGGING)
        settings = {
            "node.name": "backends",
            "cluster.name": "backends",
            "discovery.type": "single-node",
            "network.host": HOST,
            "http.port": self.ports["http"],
            "transport.port": self.ports["transport"],
            "path.data": self.data / "data",
            "path.logs": self.data / "logs",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        return [
            needs.required("java"),
            *JAVA_OPTIONS,
            f"-Djava.io.tmpdir={home / 'tmp'}",
            f"-Dlog4j2.configurationFile={home / 'config' / 'log4j2.properties'}",
            "-Dlog4j2.disable.jmx=true",
            "-cp",
            f"{built / 'classes'}:{built / 'lib'}/*",
            "backends.Launcher",
            str(home),
            *(f"{name}={value}" for name, value in settings.items()),
        ]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"}).is_success

    def prepare(self) -> None:
        """Put the index templates: without them every document of a data stream is refused."""
        for signal in ("logs", "traces", "metrics"):
            self.send_json("PUT", f"/_index_template/{signal}", json=_template(f"{signal}-*"))

    def search(self, index: str, query: dict[str, Any] | None = None, *, size: int = 100) -> list[dict[str, Any]]:
        """The documents that match a query (none: all), as sent, those just written too; [] without such an index."""
        hits = self.search_raw(index, {"query": query or {"match_all": {}}, "size": size})["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    def count(self, index: str, query: dict[str, Any] | None = None) -> int:
        """How many documents match a query."""
        body = {"query": query or {"match_all": {}}, "size": 0, "track_total_hits": True}
        total: int = self.search_raw(index, body)["hits"]["total"]["value"]
        return total

    def search_raw(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """The whole answer to a search, after a refresh of what it searches.

        Raises:
            NotYetError: An index is just being made, and has no shard yet.
        """
        lenient = {"ignore_unavailable": "true", "allow_no_indices": "true"}
        try:
            self.send_json("POST", f"/{index}/_refresh", params=lenient)
            answer: dict[str, Any] = self.send_json("POST", f"/{index}/_search", params=lenient, json=body)
        except ServerError as error:
            if "no_shard_available" in str(error):
                raise NotYetError(str(error)) from error
            raise
        return answer


def _template(pattern: str) -> dict[str, Any]:
    """A data stream's template, after the built-in ones for OTLP: strings are keywords, attributes go bare too."""
    text = {"type": "text"}
    passed = {
        name: {"type": "passthrough", "dynamic": True, "priority": number}
        for number, name in enumerate(("scope", "resource"), 1)
    }
    properties = {
        "@timestamp": {"type": "date_nanos"},
        "message": text,
        "body": {"properties": {"text": text}},
        "attributes": {"type": "passthrough", "dynamic": True, "priority": 20},
        **{name: {"properties": {"attributes": attributes}} for name, attributes in passed.items()},
    }
    # the collector asks for these by name (histograms need a module that is not published)
    numbers = [
        {f"{kind}_{number}": {"mapping": {"type": number}}}
        for kind in ("gauge", "counter")
        for number in ("long", "double")
    ]
    keywords = {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
    return {
        "index_patterns": [pattern],
        "data_stream": {},
        "priority": 500,
        "template": {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"dynamic_templates": [*numbers, keywords], "properties": properties},
        },
    }
