"""Of backends that are asked for metrics and logs: Prometheus, Loki, Elasticsearch."""

from __future__ import annotations

from tools.how_to.page import CLUSTER, WHAT_WENT_WRONG, WHO_DIED, Ask, Page, Step

_COMPOSE = """\
none at hand: [deploy/compose](../../deploy/compose/README.md) starts
  one, and a collector in the place of the one below;"""

PROMETHEUS = Page(
    name="prometheus",
    title="Prometheus",
    about="Metrics: the collector has a page of them, and Prometheus scrapes it. Answered by a real Prometheus 3.",
    needs=(f"Prometheus at 127.0.0.1:9090 ({_COMPOSE} profile `prometheus`)",),
    before=(
        Step(
            "What Prometheus scrapes",
            "Into `prometheus.yml`, and reload it. With `honor_labels`, `job` and `instance` stay the sender's:",
            """\
scrape_configs:
  - job_name: collector
    honor_labels: true
    static_configs: [{targets: ["127.0.0.1:8889"]}]
""",
            "yaml",
        ),
    ),
    variables=("BACKENDS=prometheus",),
    has_metrics=True,
    asks=(
        Ask(
            WHO_DIED,
            f"""\
curl -s -G http://127.0.0.1:9090/api/v1/query \\
    --data-urlencode 'query=orchestrator_agent_up{{cluster="{CLUSTER}"}} == 0' | jq .data.result
""",
            r'"agent_name": "worker"',
        ),
    ),
    query=f'`orchestrator_agent_up{{cluster="{CLUSTER}"}} == 0`',
    doctor=("PROMETHEUS_URL=http://127.0.0.1:9090",),
    mistake="BACKENDS=promethius orchestrator-telemetry collector validate\n",
    more="""\
**Where Prometheus can't reach the collector**, the collector writes to it, and the same PromQL answers:
`BACKENDS=prometheus-otlp PROMETHEUS_OTLP_URL=http://127.0.0.1:9090/api/v1/otlp` (Prometheus needs
`--web.enable-otlp-receiver`), or `BACKENDS=prometheus-remote-write
PROMETHEUS_REMOTE_WRITE_URL=http://127.0.0.1:9090/api/v1/write` (`--web.enable-remote-write-receiver`). Rules, recording
rules and a whole configuration: [deploy/prometheus](../../deploy/prometheus/README.md); dashboards:
[deploy/grafana](../../deploy/grafana/README.md).""",
)

LOKI = Page(
    name="loki",
    title="Loki",
    about="Logs, alerts among them. Answered by a real Loki 3.",
    needs=(f"Loki 3 at 127.0.0.1:3100 ({_COMPOSE} profile `loki`)",),
    variables=("BACKENDS=loki", "LOKI_URL=http://127.0.0.1:3100"),
    asks=(
        Ask(
            WHAT_WENT_WRONG,
            f"""\
curl -s -G http://127.0.0.1:3100/loki/api/v1/query_range \\
    --data-urlencode 'query={{service_name="orchestrator-cc"}} | cluster="{CLUSTER}" | detected_level="error"' |
    jq '.data.result[] | {{line: .values[0][1]}} + (.stream | {{agent_name, rule, trace_id, record_id}})'
""",
            '"agent_name": "worker"',
        ),
    ),
    query=f'`{{service_name="orchestrator-cc"}} \\| cluster="{CLUSTER}" \\| detected_level="error"`',
    mistake="BACKENDS=loki LOKI_URL=loki:3100 orchestrator-telemetry collector validate\n",
    more="""\
`trace_id` leads to the check that raised the alert ([Jaeger](jaeger.md)), `record_id` to the same record in any other
backend. Loki's own limits refuse what waited out a long outage; [deploy/loki](../../deploy/loki/README.md) admits
it.""",
)

ELASTICSEARCH = Page(
    name="elasticsearch",
    title="Elasticsearch",
    about="Logs and traces. Answered by a real Elasticsearch 8.19.",
    needs=(f"Elasticsearch 8.12 or newer at 127.0.0.1:9200 ({_COMPOSE} profile `elk`)",),
    before=(
        Step(
            "The index template",
            "Before 8.16 it has to be there first; after that it does no harm. From this repository's folder:",
            """\
curl -s -X PUT http://127.0.0.1:9200/_index_template/orchestrator -H 'Content-Type: application/json' \\
    --data @otel-collector/elasticsearch/index-template.json
""",
        ),
    ),
    variables=("BACKENDS=elasticsearch", "ELASTICSEARCH_URL=http://127.0.0.1:9200"),
    asks=(
        Ask(
            WHAT_WENT_WRONG,
            f"""\
curl -s -G 'http://127.0.0.1:9200/logs-*/_search' \\
    --data-urlencode 'q=attributes.cluster:{CLUSTER} AND severity_text:ERROR' |
    jq '.hits.hits[]._source | {{text: .body.text, trace_id}} + (.attributes | {{agent_name, rule, record_id}})'
""",
            '"agent_name": "worker"',
        ),
    ),
    query=f"`q=attributes.cluster:{CLUSTER} AND severity_text:ERROR`",
    mistake="BACKENDS=elasticsearch orchestrator-telemetry collector validate\n",
    more="""\
With a password or a key: `ELASTICSEARCH_USER` and `ELASTICSEARCH_PASSWORD`, or `ELASTICSEARCH_API_KEY`. Lifecycles and
Kibana's data views, searches and dashboard: [deploy/elasticsearch](../../deploy/elasticsearch/README.md).""",
)
