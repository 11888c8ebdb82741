"""The rules about where telemetry goes: backends, the collector with its queues, and what waits for it on our disk."""

from __future__ import annotations

from telemetry.alerts.rule import ERROR, WARNING, Rule, always, ladder

_QUIET_FOR = 60.0
"""Seconds: a backend that takes a little and fails again is the same trouble."""
_FAILING_FOR = 300.0
_LOST_WITHIN = 900.0

BACKEND_FAILING = Rule(
    "backend_failing",
    "",
    always(ERROR),
    "A backend takes nothing of what the collector has for it.",
    "Look whether it is up and takes data; the reason is the collector's own. What waits is kept on disk until its "
    "queue is full, and sent by itself when the backend takes it; what it refuses for good is lost.",
    "バックエンドがコレクタのデータを受け付けていません。",
    "バックエンドが動いていて、データを受け付けるか確認してください。理由はコレクタの報告です。待っているデータは"
    "キューが一杯になるまでディスクに残り、復旧すると自動で送られます。恒久的に拒否されたものは失われます。",
    of_pipeline=True,
    hold_for=_FAILING_FOR,
    keep_firing_for=_QUIET_FOR,
)
BACKEND_QUEUE_FILLING = Rule(
    "backend_queue_filling",
    "percent of a backend's queue in the collector",
    ladder(70.0, 90.0),
    "A backend's queue fills: what does not fit is lost for it.",
    "Get the backend to take data again, or make room: ORCHESTRATOR_COLLECTOR_QUEUE_BYTES is what each queue may hold "
    "on disk, from the collector's next start on.",
    "バックエンド宛てのキューが埋まりつつあります。入り切らないデータは失われます。",
    "バックエンドを復旧させるか、キューを広げてください。ORCHESTRATOR_COLLECTOR_QUEUE_BYTES が各キューの上限で、"
    "コレクタの次回起動から有効です。",
    of_pipeline=True,
    keep_firing_for=_QUIET_FOR,
)
BACKEND_LOSING_DATA = Rule(
    "backend_losing_data",
    "metric points, log records and spans that a backend didn't get, within the window",
    ladder(1.0, 100.0),
    "Data did not get to a backend.",
    "Read the reason in the message, or in the collector's log: what it gave up, the backend refused for good (too "
    "old, too large, a wrong key); what was turned away met a full queue. `GET /api/v1/backends` counts both.",
    "バックエンドに届かなかったデータがあります。",
    "理由はメッセージかコレクタのログにあります。破棄はバックエンドが恒久的に拒否したもの（古すぎる、大きすぎる、"
    "キーの誤り）、受け入れ拒否はキューの溢れです。件数は GET /api/v1/backends にあります。",
    of_pipeline=True,
    window=_LOST_WITHIN,
)
QUEUE_DAMAGED = Rule(
    "queue_damaged",
    "",
    always(WARNING),
    "The collector found a queue's file damaged and began it anew: what it held was not sent.",
    "The damaged file is kept as NAME.damaged-TIME beside the queues (the collector's log has its path): look at it "
    "with `strings`, at the disk with `dmesg` and `smartctl`, then delete it. The alert ends with the collector's next "
    "start.",
    "コレクタがキューの破損したファイルを退避し、空から始めました。中のデータは送信されていません。",
    "破損したファイルはキューの隣に「名前.damaged-時刻」で残っています（パスはコレクタのログにあります）。"
    "strings で中身を、dmesg と smartctl でディスクを確認し、済んだら削除してください。"
    "コレクタの次回起動で解消します。",
    of_pipeline=True,
    keep_firing_for=_QUIET_FOR,
)
COLLECTOR_FAILING = Rule(
    "collector_failing",
    "",
    always(ERROR),
    "What the monitor sends is not taken: the collector is down, or refuses it.",
    "Read the reason in the message, then the collector's last lines in the monitor's log (`logs`); `doctor --only "
    "pipeline` tries the whole way. Logs and spans wait on disk meanwhile and are sent by themselves afterwards.",
    "監視プロセスの送信が受け付けられていません。コレクタが停止しているか、拒否しています。",
    "メッセージの理由と、監視プロセスのログ（logs）でコレクタの最後の行を確認してください。doctor で"
    "経路全体を試せます。その間、ログとスパンはディスクで待ち、復旧すると自動で送られます。",
    of_pipeline=True,
    hold_for=_FAILING_FOR,
    keep_firing_for=_QUIET_FOR,
)
SPOOL_FILLING = Rule(
    "spool_filling",
    "percent of the spool's part for logs, or for spans",
    ladder(70.0, 90.0),
    "The spool fills: when it is full, the oldest records go.",
    "Get the collector to take data again, or make room: ORCHESTRATOR_SPOOL_MAX_MIB, from the monitor's next start on. "
    "The log files have every record.",
    "スプールが埋まりつつあります。一杯になると古いものから失われます。",
    "コレクタを復旧させるか、ORCHESTRATOR_SPOOL_MAX_MIB を増やしてください（監視プロセスの次回起動から有効）。"
    "ログファイルには全件が残っています。",
    of_pipeline=True,
    keep_firing_for=_QUIET_FOR,
)
MONITOR_LOSING_DATA = Rule(
    "monitor_losing_data",
    "log records and spans of the monitor that are lost, within the window",
    ladder(1.0, 100.0),
    "Log records or spans of the monitor are lost on their way to the collector.",
    "The message names the cause: a full spool, a disk that can't be written, a collector that refuses them for good "
    "(the last one is kept as refused.otlp in the spool). The log files have every record.",
    "監視プロセスのログやスパンが、コレクタへ届く前に失われています。",
    "原因はメッセージにあります（スプールの溢れ、書き込めないディスク、コレクタの恒久的な拒否。最後に拒否されたものは"
    "スプールの refused.otlp にあります）。ログファイルには全件が残っています。",
    of_pipeline=True,
    window=_LOST_WITHIN,
)

PIPELINE_RULES: tuple[Rule, ...] = (
    BACKEND_FAILING,
    BACKEND_QUEUE_FILLING,
    BACKEND_LOSING_DATA,
    QUEUE_DAMAGED,
    COLLECTOR_FAILING,
    SPOOL_FILLING,
    MONITOR_LOSING_DATA,
)
"""In the order they are told."""
