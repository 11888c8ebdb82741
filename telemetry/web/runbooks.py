"""/runbooks: what each rule means and what to do, where the links in messages lead. English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Response

from telemetry.web.people import People

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runbooks · orchestrator-telemetry</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/style.css">
</head>
<body>
<main class="runbooks">
<h1>Runbooks</h1>
<p><a href="/">Dashboard</a></p>
<section id="first">
<h2>First</h2>
<pre>orchestrator-telemetry check                       # how every agent is now, and why
orchestrator-telemetry alerts                      # what is open, since when, and who takes care
orchestrator-telemetry alerts ack ID --note "…"    # you do: no repeats, unless it gets worse
orchestrator-telemetry alerts history --agent NAME # whether it was like this before
orchestrator-telemetry alerts silence ID --for 2h --reason "…"
tmux list-panes -a -F '#{{pane_id}} #{{@agent_name}} #{{pane_pid}}'    # which pane it is: tmux select-pane -t …</pre>
<p lang="ja">まず check で全エージェントの状態と理由を、alerts で発生中のアラートを確認してください。
対応を始めたら ack、しばらく通知を止めるときは silence を使います。</p>
</section>
{rules}
</main>
</body>
</html>
"""


def runbooks(people: People) -> APIRouter:
    """The route of the page."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/runbooks", methods=["GET", "HEAD"])
    async def page() -> Response:
        """Every rule in force, by its id as the fragment."""
        common = [rule for rule in people.rules_in_force() if rule["holds_for"] == "everybody"]
        body = _PAGE.format(rules="\n".join(map(_section, common)))
        return Response(body, media_type="text/html; charset=utf-8", headers={"cache-control": "no-cache"})

    return router


def _section(rule: Mapping[str, Any]) -> str:
    levels = ", ".join(
        f"{level.upper()} from {threshold:g} {rule['watches']}" if rule["watches"] else level.upper()
        for level, threshold in rule["levels"].items()
    )
    if rule["for"]:
        levels += f", when it lasts for {rule['for']:g} s"
    more = (
        f'<p><a href="{escape(rule["runbook_url"])}">{escape(rule["runbook_url"])}</a></p>'
        if rule["runbook_url"]
        else ""
    )
    return (
        f'<section id="{escape(rule["rule"])}"><h2><code>{escape(rule["rule"])}</code></h2>'
        f"<p>{escape(rule['summary'])} {escape(levels)}{'' if rule['enabled'] else ' (off)'}.</p>"
        f"<p>{escape(rule['todo'])}</p>"
        f'<p lang="ja">{escape(rule["summary_ja"])}{escape(rule["todo_ja"])}</p>{more}</section>'
    )
