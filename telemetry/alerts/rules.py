"""The catalogue of alert rules: the one source of thresholds. Engine, documentation and Prometheus rules read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from telemetry.alerts.pipeline_rules import PIPELINE_RULES
from telemetry.alerts.rule import CRITICAL, ERROR, Ladder, Rule, always, ladder

COMES_BACK_WITHIN = 15.0
"""Seconds: an agent that is started again at once is the same trouble, not its end and a new one."""

AGENT_STOPPED = Rule(
    "agent_stopped",
    "",
    always(ERROR),
    "An agent does not run.",
    "Look at its pane or its last log lines, start it again.",
    "エージェントが動いていません。",
    "ペインか最後のログを確認し、起動し直してください。",
    keep_firing_for=COMES_BACK_WITHIN,
)
AGENT_IDLE = Rule(
    "agent_idle",
    "seconds without activity",
    ladder(300.0, 600.0, 900.0),
    "An agent has done nothing for a long time.",
    "Give it work, or look whether it waits for something that will not come.",
    "エージェントが長時間何もしていません。",
    "作業を割り当てるか、来ないものを待っていないか確認してください。",
)
AGENT_RESTARTING = Rule(
    "agent_restarting",
    "restarts",
    ladder(3.0, 5.0, 10.0),
    "An agent was started again many times.",
    "Look at the last lines before each restart: it likely dies of the same cause. It stays open as long as the count "
    "does: acknowledge it, or `forget` the agent.",
    "エージェントが何度も再起動されました。",
    "再起動の直前のログを確認してください。同じ原因で落ちている可能性があります。回数が残る限り閉じません。"
    "確認済み（ack）にするか、forget で忘れさせてください。",
)
AGENT_RESTART_RATE = Rule(
    "agent_restart_rate",
    "restarts within the window",
    ladder(3.0, 5.0, 10.0),
    "An agent is started again and again right now.",
    "Stop whatever restarts it, then look at its last lines: it does not get past its start.",
    "エージェントが今、再起動を繰り返しています。",
    "再起動を止めてから最後のログを確認してください。起動に失敗し続けています。",
    window=600.0,
)
AGENT_UNRESPONSIVE = Rule(
    "agent_unresponsive",
    "",
    always(ERROR),
    "An agent says that it works and shows no sign of life.",
    "Look at its pane; interrupt or restart it.",
    "エージェントは稼働中と報告していますが、反応がありません。",
    "ペインを確認し、中断するか再起動してください。",
    keep_firing_for=COMES_BACK_WITHIN,
)
AGENT_WAITING = Rule(
    "agent_waiting",
    "seconds of waiting for a person",
    ladder(60.0, 600.0, 1800.0),
    "An agent waits for a person.",
    "Answer its question, or give the permission it asks for.",
    "エージェントが人の入力を待っています。",
    "質問に答えるか、求められた許可を与えてください。",
    enabled=False,
)
STOPPED_AGENTS = Rule(
    "stopped_agents",
    "stopped agents",
    ladder(1.0, 2.0, 3.0),
    "Several agents of the cluster do not run.",
    "Look for a common cause: the machine, the session, a limit of the model's service.",
    "クラスタの複数のエージェントが動いていません。",
    "共通の原因（マシン、セッション、モデルサービスの制限）を確認してください。",
    of_cluster=True,
    keep_firing_for=COMES_BACK_WITHIN,
)
CLUSTER_DOWN = Rule(
    "cluster_down",
    "",
    always(CRITICAL),
    "The whole cluster is down.",
    "Start the session or the orchestrator again.",
    "クラスタ全体が停止しています。",
    "セッションまたはオーケストレータを起動し直してください。",
    of_cluster=True,
    keep_firing_for=COMES_BACK_WITHIN,
)
SOURCE_FAILING = Rule(
    "source_failing",
    "",
    always(ERROR),
    "The cluster can't be seen: its source gives no answer.",
    "Read the reason in the message: until it is mended, nobody knows how the agents are.",
    "クラスタの状態を取得できません。情報源が応答しません。",
    "メッセージの理由を確認してください。直るまでエージェントの状態は誰にも分かりません。",
    of_cluster=True,
    keep_firing_for=COMES_BACK_WITHIN,
)

CATALOGUE: tuple[Rule, ...] = (
    AGENT_STOPPED,
    AGENT_IDLE,
    AGENT_RESTARTING,
    AGENT_RESTART_RATE,
    AGENT_UNRESPONSIVE,
    AGENT_WAITING,
    STOPPED_AGENTS,
    CLUSTER_DOWN,
    SOURCE_FAILING,
    *PIPELINE_RULES,
)
"""Every rule, in the order they are told."""


def with_ladders(
    *, idle: Ladder | None = None, restarts: Ladder | None = None, stopped: Ladder | None = None
) -> tuple[Rule, ...]:
    """The catalogue with other thresholds where they are given: seconds idle, restarts, stopped agents."""
    changed = {AGENT_IDLE.id: idle, AGENT_RESTARTING.id: restarts, STOPPED_AGENTS.id: stopped}
    return tuple(
        replace(rule, levels=ladder(*given)) if (given := changed.get(rule.id)) else rule for rule in CATALOGUE
    )


def idle_ladder(max_idle_time: float) -> Ladder:
    """N, 2N, 3N seconds, as `max_idle_time=N` means."""
    return max_idle_time, 2 * max_idle_time, 3 * max_idle_time


def by_id(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Rules by their ids."""
    return {rule.id: rule for rule in rules}
