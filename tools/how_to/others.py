"""Of the other backends: Datadog, Jaeger, Kafka, and whatever takes OTLP."""

from __future__ import annotations

from tools.how_to.page import CLUSTER, WHAT_WENT_WRONG, WHO_DIED, Ask, Page, Step

JAEGER = Page(
    name="jaeger",
    title="Jaeger",
    about="Traces: every check that raised an alert or saw a change is one. Answered by a real Jaeger.",
    needs=("Jaeger at 127.0.0.1:16686, whose OTLP over HTTP is at 127.0.0.1:4328 here, as the collector has 4318",),
    variables=(
        "BACKENDS=otlp",
        "OTLP_BACKEND_URL=http://127.0.0.1:4328",
        "OTLP_BACKEND_METRICS=nop",
        "OTLP_BACKEND_LOGS=nop",
    ),
    asks=(
        Ask(
            """\
Of what did the check consist that found the death? Its trace id stands at the alert, in any log backend and in the
monitor's own log:""",
            """\
trace_id=$(cat ~/.local/state/orchestrator-telemetry/logs/*.jsonl |
    jq -r 'select(.level == "error").trace_id' | tail -1)
curl -s "http://127.0.0.1:16686/api/traces/$trace_id" |
    jq '.data[0].spans | sort_by(.operationName)[] | {operationName} + (.tags | from_entries | {cluster, outcome})'
""",
            "orchestrator.check",
        ),
    ),
    query="the trace of an alert, by the `trace_id` that stands at it",
    mistake="BACKENDS=otlp orchestrator-telemetry collector validate\n",
    more="""\
Jaeger takes traces alone; without the two `nop` it would be sent metrics and logs, and refuse them. Tempo is set in the
same way. [deploy/compose](../../deploy/compose/README.md) starts a Jaeger beside the collector, always.""",
)

DATADOG = Page(
    name="datadog",
    title="Datadog",
    about="""\
Metrics, logs and traces. **The answers below came from a recorder**, a program of the tests that speaks Datadog's
intake and shows what it was sent, decoded with the schemas that Datadog publishes: no Datadog can be had there. In the
test the collector's four addresses (`DD_METRICS_URL`, `DD_LOGS_URL`, `DD_TRACES_URL`, `DD_OTLP_URL`) are the
recorder's; leave them out, and `DD_SITE` decides. What is asked of Datadog itself is written, not verified.""",
    needs=("an API key of Datadog, and which site it is for",),
    variables=("BACKENDS=datadog", "DD_API_KEY=your-key", "DD_SITE=datadoghq.com"),
    has_metrics=True,
    asks=(
        Ask(
            f"""\
{WHO_DIED} In Datadog, as a query for metrics: `min:orchestrator.agent.up{{cluster:{CLUSTER}}} by {{agent_name}}`. What
the recorder was sent last for it:""",
            f"""\
curl -s -G http://127.0.0.1:8126/recorded/metrics -d name=orchestrator.agent.up \\
    -d tag=cluster:{CLUSTER} -d tag=agent_name:worker |
    jq 'last | {{name, value: .points[-1][1]}} + {{tags: .tags | map(select(test("^(agent_name|cluster):"))) | sort}}'
""",
            '"value": 0',
        ),
        Ask(
            f"""\
{WHAT_WENT_WRONG} In Datadog's logs: `service:orchestrator-cc @cluster:{CLUSTER} status:error`. What the recorder was
sent:""",
            f"""\
curl -s http://127.0.0.1:8126/recorded/logs |
    jq '.[] | select(.attributes.cluster == "{CLUSTER}" and .status == "ERROR") |
        {{message, status, service}} + (.attributes | {{agent_name, rule, record_id, "otel.trace_id"}})'
""",
            '"agent_name": "worker"',
        ),
    ),
    answered_by_ja="答えは Datadog ではなく、その受け口を真似た記録器のものです。",
    query=f"`min:orchestrator.agent.up{{cluster:{CLUSTER}}} by {{agent_name}}`",
    mistake="BACKENDS=datadog orchestrator-telemetry collector validate\n",
    more="""\
The key may stand in a file instead: `DD_API_KEY_FILE=/run/secrets/dd_api_key`. A dashboard and monitors:
[deploy/datadog](../../deploy/datadog/README.md).""",
)

KAFKA = Page(
    name="kafka",
    title="Kafka",
    about="""\
Metrics, logs and traces, as OTLP protobuf in one topic each, for whoever reads them on. Answered by a real Kafka 4.""",
    needs=("Kafka at 127.0.0.1:9092 that makes topics by itself (or `otlp_metrics`, `otlp_logs` and `otlp_spans`)",),
    variables=("BACKENDS=kafka", "KAFKA_BROKERS=127.0.0.1:9092"),
    asks=(
        Ask(
            "What became of the worker? Texts stand in protobuf as they are, so that `grep` finds them:",
            """\
kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic otlp_logs \\
    --partition 0 --offset earliest --timeout-ms 5000 | grep -a -o 'worker: agent [a-z]*' | sort -u
""",
            "worker: agent stopped",
            "text",
        ),
    ),
    query="`kafka-console-consumer.sh` of the topic `otlp_logs`",
    mistake="BACKENDS=kafka orchestrator-telemetry collector validate\n",
    more="""\
Of a topic with several partitions, `--from-beginning` in the place of `--partition` and `--offset` reads all. A program
reads each message whole: `opentelemetry.proto.logs.v1.logs_pb2.LogsData.FromString(message)` (PyPI's
`opentelemetry-proto`), `MetricsData` and `TracesData` for the other topics. A second collector hands them on to other
backends: [`ORCHESTRATOR_COLLECTOR_KAFKA_FROM`](../../otel-collector/README.md).""",
)

OTLP = Page(
    name="otlp",
    title="Anything that takes OTLP",
    about="""\
Metrics, logs and traces, to a vendor, to Tempo, Mimir or Grafana Cloud, to a collector that you have. Here a second
collector of ours stands at the far end and writes what it gets into files; put your own address and headers in its
place.""",
    needs=("nothing else; or the address of what takes OTLP, and a key for it",),
    before=(
        Step(
            "A far end, where you have none, in a terminal of its own",
            "On ports of its own, as it is on the same machine:",
            """\
export BACKENDS=file
export ORCHESTRATOR_COLLECTOR_FILE_DIR=$HOME/received
export ORCHESTRATOR_COLLECTOR_QUEUE_DIR=$HOME/received/queue
export ORCHESTRATOR_COLLECTOR_HTTP_PORT=14318
export ORCHESTRATOR_COLLECTOR_GRPC_PORT=14317
export ORCHESTRATOR_COLLECTOR_HEALTH_PORT=23133
export ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT=18888
orchestrator-telemetry collector run
""",
            stays=True,
        ),
    ),
    variables=("BACKENDS=otlp", "OTLP_BACKEND_URL=http://127.0.0.1:14318"),
    asks=(
        Ask(
            WHAT_WENT_WRONG,
            """\
jq '.resourceLogs[].scopeLogs[].logRecords[] | select(.severityText == "ERROR") |
    {severityText, eventName, traceId, text: .body.stringValue}' ~/received/logs.jsonl
""",
            "worker: agent stopped",
        ),
    ),
    answered_by_ja="答えは、送り先に置いた二つ目のコレクタのものです。",
    query="what the far end speaks; here `jq`, of its files",
    mistake="BACKENDS=otlp OTLP_BACKEND_URL=127.0.0.1:14318 orchestrator-telemetry collector validate\n",
    more="""\
A key: `OTLP_BACKEND_HEADERS='{Authorization: Bearer …}'`. A signal that it doesn't take: `OTLP_BACKEND_METRICS=nop`
(`…_LOGS`, `…_TRACES`). Over gRPC: `BACKENDS=otlp-grpc OTLP_GRPC_BACKEND_URL=http://127.0.0.1:14317`, and the same
variables with `OTLP_GRPC_BACKEND_`. Both at once are two backends.""",
)
