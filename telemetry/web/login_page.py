"""The page on which people sign in: plain HTML, without any script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

NEXT = re.compile(r"/(?![/\\])[!-~]{0,500}")
"""Where somebody may be sent on to: a path of this server, and never another's."""


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    lead: str
    token: str
    button: str
    help: str
    wrong: str
    report: str
    wait: str


_WORDS = {
    "en": _Words(
        title="Sign in",
        lead="This dashboard asks for a token.",
        token="Token",  # noqa: S106 - a label
        button="Sign in",
        help="On the machine where the monitor runs, this makes one:",
        wrong="This token is not known here, or has expired.",
        report="This token only reports of agents. To sign in, one with the role read or operate is needed.",
        wait="Too many wrong tokens came from your address. Try again in {} s.",
    ),
    "ja": _Words(
        title="サインイン",
        lead="このダッシュボードにはトークンが必要です。",
        token="トークン",  # noqa: S106 - a label
        button="サインイン",
        help="モニターが動いているマシンで、次のコマンドを実行すると作成できます:",
        wrong="このトークンは登録されていないか、有効期限が切れています。",
        report="このトークンは報告専用です。サインインには read または operate のトークンが必要です。",
        wait="このアドレスから誤ったトークンが続きました。{} 秒後にもう一度お試しください。",
    ),
}

_PAGE = """<!doctype html>
<html lang="{lang}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{title} · orchestrator-telemetry</title>
    <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/login.css">
  </head>
  <body>
    <main>
      <h1>orchestrator-telemetry</h1>
      <p>{lead}</p>
{problem}      <form method="post" action="/login">
        <input type="hidden" name="next" value="{next}">
        <label for="token">{token}</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required maxlength="512"
          autofocus spellcheck="false" autocapitalize="off"{described}>
        <button type="submit">{button}</button>
      </form>
      <p class="help">{help}<br><code>orchestrator-telemetry token new</code></p>
    </main>
  </body>
</html>
"""


def language(accept: str) -> str:
    """`ja` or `en`, whichever an Accept-Language header likes better; the first one named wins among equals."""
    liked = [(-_weight(part), part.strip()[:2].lower()) for part in accept.split(",")]
    known = [pair for pair in liked if pair[1] in _WORDS and pair[0] < 0]
    return min(known, key=lambda pair: pair[0])[1] if known else "en"


def page(lang: str, status: int, wait: int, wanted: str) -> str:
    """The page.

    Args:
        lang: `ja` or `en`.
        status: 200, or that of the refusal that it tells of.
        wait: Seconds until the next try, where that is the refusal.
        wanted: Where to go afterwards.
    """
    words = _WORDS[lang]
    problem = {200: "", 401: words.wrong, 403: words.report, 429: words.wait.format(wait)}.get(status, words.wrong)
    return _PAGE.format(
        lang=lang,
        title=words.title,
        lead=words.lead,
        problem=f'      <p class="problem" id="problem" role="alert">{escape(problem)}</p>\n' if problem else "",
        described=' aria-invalid="true" aria-describedby="problem"' if problem else "",
        next=escape(wanted),
        token=words.token,
        button=words.button,
        help=words.help,
    )


def onward(wanted: str) -> str:
    """Where to go after the login: what was asked for before, if that is ours, else the dashboard."""
    return wanted if NEXT.fullmatch(wanted) else "/"


def _weight(part: str) -> float:
    _, _, weight = part.partition("q=")
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0
