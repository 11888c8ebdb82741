"""Variables that can't work: secrets where everybody sees them, and those that none of our programs knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kubernetes.helm import CHART, refused, rendered, settings
from tools.kubernetes import CHART as CHART_NAME
from tools.kubernetes import FOLDER

Given = dict[str, str]
SECRET = "made-up-0123456789"
NOT_THE_COLLECTORS = "is no variable of the collector, and would have no effect; they are in otel-collector/README.md"
NOT_THE_MONITORS = "is no variable of the monitor, and would have no effect; they are in README.md"
NO_BACKENDS = "no backend has this variable, so it would have no effect; they are in otel-collector/README.md"

URL = "must be an absolute http:// or https:// URL with a host, such as https://example.com:1234"


def mounted(*names: str) -> Given:
    """Secrets, as the values name them."""
    return {f"{name}.{part}": "some" for name in names for part in ("secret", "key")}


WRONG: dict[str, tuple[Given, str]] = {
    # --- secrets ---
    "secret-of-a-backend": (
        {"backends.env.DD_API_KEY": SECRET},
        "backends.env: DD_API_KEY is a secret: put it under backends.secrets",
    ),
    "secret-of-a-gateway": (
        {"gateway.env.ELASTICSEARCH_PASSWORD": SECRET},
        "gateway.env: ELASTICSEARCH_PASSWORD is a secret: put it under backends.secrets",
    ),
    "token-of-a-gateway": (
        {"gateway.env.ORCHESTRATOR_COLLECTOR_TOKEN": SECRET},
        "gateway.env: ORCHESTRATOR_COLLECTOR_TOKEN is a secret: put it under otlp.token",
    ),
    "secret-in-an-address": (
        {"backends.env.LOKI_URL": f"http://user:{SECRET}@loki"},
        (
            "backends.env: LOKI_URL has a user or a password in its address, which is a secret: put it under"
            " backends.secrets"
        ),
    ),
    "secret-of-a-monitor": (
        {"monitor.env.SLACK_WEBHOOK_URL": SECRET},
        "monitor.env: SLACK_WEBHOOK_URL is a secret: put it under monitor.secrets",
    ),
    "secret-of-a-nodes-monitor": (
        {"monitor.nodes.env.SMTP_PASSWORD": SECRET},
        "monitor.nodes.env: SMTP_PASSWORD is a secret: put it under monitor.secrets",
    ),
    "headers": (
        {"monitor.env.OTEL_EXPORTER_OTLP_HEADERS": SECRET},
        "monitor.env: OTEL_EXPORTER_OTLP_HEADERS is a secret: put it under otlp.token",
    ),
    "dashboards-token": (
        {"monitor.env.ORCHESTRATOR_DASHBOARD_TOKEN": SECRET},
        "monitor.env: ORCHESTRATOR_DASHBOARD_TOKEN is a secret: put it under monitor.dashboardToken",
    ),
    "both": (
        mounted("backends.secrets.PROMETHEUS_OTLP_URL"),
        "backends.secrets.PROMETHEUS_OTLP_URL and backends.env.PROMETHEUS_OTLP_URL: only one of them may be set",
    ),
    # --- addresses ---
    "no-address": ({"backends.env.PROMETHEUS_OTLP_URL": "prometheus:9090"}, f"backends.env: PROMETHEUS_OTLP_URL {URL}"),
    "no-host": ({"monitor.env.ORCHESTRATOR_GRAFANA_URL": "http:///"}, f"monitor.env: ORCHESTRATOR_GRAFANA_URL {URL}"),
    # --- what nobody knows ---
    "unknown-to-the-collector": (
        {"backends.env.LOKI_ULR": "http://loki:3100"},
        f"backends.env: LOKI_ULR {NOT_THE_COLLECTORS}",
    ),
    "small-letters": (
        {"gateway.env.loki_url": "http://loki:3100"},
        f"gateway.env: loki_url {NOT_THE_COLLECTORS}",
    ),
    "the-monitors": (
        {"gateway.env.ORCHESTRATOR_CHECK_INTERVAL": "5"},
        f"gateway.env: ORCHESTRATOR_CHECK_INTERVAL {NOT_THE_COLLECTORS}",
    ),
    "unknown-to-the-monitor": (
        {"monitor.env.ORCHESTATOR_PUSH_TTL": "5"},
        f"monitor.env: ORCHESTATOR_PUSH_TTL {NOT_THE_MONITORS}",
    ),
    "unknown-secret-of-a-backend": (
        mounted("backends.secrets.DD_APIKEY"),
        f"backends.secrets.DD_APIKEY: {NO_BACKENDS}",
    ),
    "the-file-of-a-secret": (
        mounted("backends.secrets.DD_API_KEY_FILE"),
        f"backends.secrets.DD_API_KEY_FILE: {NO_BACKENDS}",
    ),
    "unknown-secret-of-a-monitor": (
        mounted("monitor.secrets.SLACK_URL"),
        (
            "monitor.secrets.SLACK_URL: the monitor reads no SLACK_URL_FILE, so it would have no effect;"
            " its variables are in README.md"
        ),
    ),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_in_its_own_words(given: Given, said: str, tmp_path: Path) -> None:
    assert refused(tmp_path, *settings(given)) == [said]


RIGHT: dict[str, Given] = {
    "general": {
        "gateway.env.HTTPS_PROXY": "http://proxy:3128",
        "gateway.env.http_proxy": "http://proxy:3128",
        "gateway.env.GOGC": "50",
        "monitor.env.OTEL_SERVICE_NAME": "agents",
        "monitor.env.TZ": "Asia/Tokyo",
    },
    "another-variables-value": {"backends.env.PROMETHEUS_OTLP_URL": "$(ADDRESS)/otlp"},
    "backends-of-ones-own": {
        "gateway.env.ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": "/backends",
        "gateway.env.BACKENDS": "ours",
        "backends.env.OURS_URL": "http://ours",
    },
    "headers-without-a-token": {
        "otlp.token.secret": "",
        "otlp.tls.secret": "g",
        "otlp.tls.clientCA": "true",
        "otlp.tls.senders": "m",
        **mounted("monitor.secrets.OTEL_EXPORTER_OTLP_HEADERS"),
    },
}


@pytest.mark.parametrize("given", RIGHT.values(), ids=RIGHT.keys())
def test_what_works_is_rendered(given: Given, tmp_path: Path) -> None:
    assert rendered(tmp_path, *settings(given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('"ORCHESTATOR_CLUSTER_NAME" "agents"', f"the sidecar's env: ORCHESTATOR_CLUSTER_NAME {NOT_THE_MONITORS}"),
        (f'"SMTP_PASSWORD" "{SECRET}"', "the sidecar's env: SMTP_PASSWORD is a secret: put it under monitor.secrets"),
    ],
    ids=["unknown", "secret"],
)
def test_what_is_wrong_with_a_sidecar_is_told_to_its_chart(given: str, said: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER / "examples" / "sidecar", tmp_path / "agents"))
    shutil.copytree(CHART, copy / "charts" / CHART_NAME)
    file = copy / "templates" / "agents.yaml"
    text = file.read_text()
    assert '"ORCHESTRATOR_CLUSTER_NAME" "agents"' in text
    file.write_text(text.replace('"ORCHESTRATOR_CLUSTER_NAME" "agents"', given))
    assert refused(tmp_path, chart=copy) == [said]
