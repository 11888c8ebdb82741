"""The alert rules about the monitor itself and the way to it: what no engine of its own can tell while it is dead.

They stand in both files of `tools.prometheus_rules`.
"""

from __future__ import annotations

from typing import Any

from telemetry.collector.course import NEARLY_FULL
from telemetry.model import AlertLevel
from telemetry.signals.semconv import AGENT_NAME, CHANNEL, CLUSTER, METRICS, OUTCOME, RULE

Annotations = dict[str, str]

LATELY = "2m"
"""Looked back on where a restart of the monitor must not end an alert. Longer than two scrapes a minute apart."""

BY_AGENT = f"({CLUSTER}, {AGENT_NAME})"
BY_ALERT = f"({CLUSTER}, {AGENT_NAME}, {RULE})"

_STALE_AFTER = 180
"""Seconds without a finished check: one that hangs until its timeout, seen by a scrape a minute, is well below."""
_RECENTLY = "15m"
_NAMES = {metric.name: metric.prometheus for metric in METRICS}


def series(name: str, *matchers: str) -> str:
    """A selector of the metric with this OpenTelemetry name, each matcher such as `state="idle"`."""
    return _NAMES[name] + (f"{{{','.join(matchers)}}}" if matchers else "")


def alert(
    name: str, expr: str, severity: AlertLevel, texts: Annotations, *, hold: str = "", keep: str = "", **labels: str
) -> dict[str, Any]:
    """One alert rule, its keys in the order in which Prometheus documents them."""
    rule: dict[str, Any] = {"alert": name, "expr": expr}
    rule |= {"for": hold} if hold else {}
    rule |= {"keep_firing_for": keep} if keep else {}
    return rule | {"labels": {"severity": severity.value, **labels}, "annotations": texts}


def _texts(summary: str, description: str, todo: str, summary_ja: str, todo_ja: str) -> Annotations:
    return {
        "summary": summary,
        "summary_ja": summary_ja,
        "description": description,
        "todo": todo,
        "todo_ja": todo_ja,
    }


def _heartbeats() -> list[dict[str, Any]]:
    beat = series("orchestrator.monitor.heartbeat_time")
    # The collector's page forgets a silent sender after 90 s, and no series is no alert. So the last heartbeat is
    # looked back for, but only where the whole monitor is gone: a cluster that it watches no longer is no trouble.
    stale = f"""time() - max by ({CLUSTER}) (
  {beat}
    or
  (
    last_over_time({beat}[1h])
      unless on (job, instance)
    {beat}
  )
) > {_STALE_AFTER}"""
    return [
        alert(
            "OrchestratorMonitorStale",
            stale,
            AlertLevel.CRITICAL,
            _texts(
                "A cluster is not being watched.",
                "The monitor last finished a check of {{ $labels.cluster }} {{ $value | humanizeDuration }} ago.",
                "Look whether the monitor runs and what its last log lines say; start it again.",
                "クラスタが監視されていません。",
                "監視プロセスが動いているか、最後のログを確認し、起動し直してください。",
            ),
        ),
        alert(
            "OrchestratorMonitorAbsent",
            f"absent({beat})",
            AlertLevel.CRITICAL,
            _texts(
                "No monitor is to be seen.",
                f"Prometheus has no series {beat}.",
                "Look whether the monitor runs, and whether Prometheus still scrapes it or gets its data.",
                "監視プロセスが見つかりません。",
                "監視プロセスが動いているか、Prometheusがデータを取得できているか確認してください。",
            ),
            hold="2m",
        ),
        alert(
            "OrchestratorTargetDown",
            'up{job=~"orchestrator-.+"} == 0',
            AlertLevel.ERROR,
            _texts(
                "Prometheus can't scrape the monitor or the collector.",
                "{{ $labels.job }} at {{ $labels.instance }} does not answer.",
                "Look whether it runs, and whether its port is reached from Prometheus.",
                "監視プロセスまたはコレクタのメトリクスを取得できません。",
                "プロセスが動いているか、Prometheusからポートに届くか確認してください。",
            ),
            hold="1m",
        ),
    ]


def _monitor_parts() -> list[dict[str, Any]]:
    failed = series("orchestrator.notification.deliveries", f'{OUTCOME}="failed"')
    return [
        alert(
            "OrchestratorNotificationsFailing",
            f"max by ({CHANNEL}) (increase({failed}[{_RECENTLY}])) > 0",
            AlertLevel.ERROR,
            _texts(
                "Notifications do not arrive.",
                "Notifications by the channel {{ $labels.channel }} were given up within the last 15 minutes.",
                "Read the reason in the monitor's log; the channel's address or password may have changed.",
                "通知が届いていません。",
                "監視プロセスのログで理由を確認してください。宛先やパスワードが変わった可能性があります。",
            ),
        ),
        alert(
            "OrchestratorStoreUnusable",
            f"{series('orchestrator.store.usable')} == 0",
            AlertLevel.ERROR,
            _texts(
                "The monitor can't use its store.",
                "The monitor at {{ $labels.instance }} keeps alerts and notifications in memory only: "
                "a restart loses them.",
                "Look whether the disk of its state folder is full or read-only.",
                "監視プロセスが状態を保存できません。",
                "状態フォルダのディスクが一杯か、読み取り専用になっていないか確認してください。",
            ),
            hold="30s",
        ),
    ]


def _loses_data() -> str:
    """A collector's counter is not there before it first counts something, so its first value counts as well."""
    # by a regular expression, since the collector's own telemetry says `_total` where it isn't set up as ours is
    failed = '{__name__=~"otelcol_exporter_(send|enqueue)_failed_.+|otelcol_connector_refused_.+"}'
    by = "sum by (job, instance, exporter, backend)"
    return f"""increase({by} ({failed})[{_RECENTLY}:15s]) > 0
  or
(
  {by} ({failed})
    unless
  {by} (last_over_time({failed}[1h] offset {_RECENTLY}))
) > 0"""


def _collector() -> list[dict[str, Any]]:
    todo = "Look whether that backend is up and takes data."
    todo_ja = "送信先のバックエンドが動いているか、データを受け付けているか確認してください。"
    return [
        alert(
            "OrchestratorCollectorExporterFailing",
            "otelcol_exporter_queue_size > 0",
            AlertLevel.WARNING,
            _texts(
                "A backend takes no data from the collector.",
                "The queue of {{ $labels.data_type }} for {{ $labels.exporter }} has not been empty for 5 minutes.",
                todo,
                "バックエンドがコレクタのデータを受け付けていません。",
                todo_ja,
            ),
            hold="5m",
        ),
        alert(
            "OrchestratorCollectorQueueFilling",
            f"otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > {NEARLY_FULL:g}",
            AlertLevel.ERROR,
            _texts(
                "The collector is about to lose data.",
                "The queue of {{ $labels.data_type }} for {{ $labels.exporter }} is "
                "{{ $value | humanizePercentage }} full; what does not fit is lost.",
                todo,
                "コレクタのデータが失われる寸前です。",
                todo_ja,
            ),
            hold="2m",
        ),
        alert(
            "OrchestratorCollectorLosesData",
            _loses_data(),
            AlertLevel.ERROR,
            _texts(
                "The collector loses data.",
                "Data for {{ $labels.exporter }}{{ $labels.backend }} was given up, or not taken, within the last "
                "15 minutes.",
                "Read the reason in the collector's log: the backend refuses it, or its queue is full.",
                "コレクタがデータを失っています。",
                "コレクタのログで理由を確認してください。バックエンドの拒否か、キューの溢れが考えられます。",
            ),
        ),
        alert(
            "OrchestratorCollectorQueueDamaged",
            'sum by (job, instance) ({__name__=~"otelcol_storage_damaged_files(_total)?"}) > 0',
            AlertLevel.ERROR,
            _texts(
                "A queue of the collector was damaged.",
                "The collector at {{ $labels.instance }} set {{ $value }} damaged files of its queues aside at its "
                "start: what they held was not sent.",
                "Read in the collector's log under which name each file is kept; look at the disk. It ends with the "
                "collector's next start.",
                "コレクタのキューが破損していました。",
                "コレクタのログで退避されたファイル名を確認し、ディスクを点検してください。コレクタの次回起動で解消します。",
            ),
        ),
    ]


MONITOR_GROUP = {"name": "orchestrator-monitor", "rules": [*_heartbeats(), *_monitor_parts(), *_collector()]}
