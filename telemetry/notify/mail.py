"""A message as a mail, in plain text and HTML."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

from telemetry.model import Message, Notice
from telemetry.notify import texts
from telemetry.notify.base import Surroundings
from telemetry.notify.slack import colour


def mail(message: Message, surroundings: Surroundings, sender: str, to: Sequence[str]) -> EmailMessage:
    """The message as a mail: the same at each attempt, plain text and HTML."""
    language = surroundings.language
    domain = sender.rpartition("@")[2]
    about = message.notices[0].alert_id if len(message.notices) == 1 else f"cluster {message.cluster}"
    thread = f"<{hashlib.blake2b(about.encode(errors='replace'), digest_size=10).hexdigest()}@{domain}>"
    content = EmailMessage()
    headers = {
        "From": Address("orchestrator-telemetry", addr_spec=sender),
        "To": [Address(addr_spec=each) for each in to],
        "Subject": _header(texts.headline(message, language)),
        "Date": formatdate(message.created_at, localtime=True),
        "Message-ID": f"<{_header(message.id)}@{domain}>",
        "In-Reply-To": thread,  # nobody has seen that mail, but what answers the same one is shown together
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Orchestrator-Level": message.level.value,
        "X-Orchestrator-Cluster": _header(message.cluster),
        "X-Orchestrator-Resolved": str(message.resolved).lower(),
        "X-Orchestrator-Test": str(message.test).lower(),
    }
    for name, value in headers.items():
        content[name] = value
    plain = texts.plain(message, surroundings)
    content.set_content(plain, cte=_encoding(plain))
    rich = "".join(_html(message, surroundings))
    content.add_alternative(rich, subtype="html", cte=_encoding(rich))
    return content


def _header(text: str) -> str:
    """Agent-made text for a header: one line, and no encoded word that the email package would take for one of ours.

    It decodes `=?utf-8?q?=0A?=` when a header is set, and older releases then write the line feed out as it is.
    """
    return texts.one_line(text).replace("=?", "= ?")


def _encoding(text: str) -> str:
    """Lines of any length in ASCII, so that no server needs to know 8BITMIME."""
    return "quoted-printable" if text.isascii() else "base64"


_CELL = "padding:6px 10px;border-bottom:1px solid #dddddd;vertical-align:top;text-align:left"


def _html(message: Message, surroundings: Surroundings) -> Iterator[str]:
    language = surroundings.language
    yield f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"></head>\n'
    yield '<body style="font-family:sans-serif;font-size:14px;color:#222222">\n'
    yield f"<h2>{html.escape(texts.headline(message, language))}</h2>\n"
    if text := texts.trial(message, language):
        yield f"<p>{html.escape(text)}</p>\n"
    yield '<table style="border-collapse:collapse">\n'
    for notice in texts.by_weight(message.notices):
        yield from _row(notice, surroundings)
    yield "</table>\n</body></html>\n"


def _row(notice: Notice, surroundings: Surroundings) -> Iterator[str]:
    language = surroundings.language
    mark = texts.tag(notice.level, resolved=notice.resolved)
    yield f'<tr><td style="{_CELL};background:{colour(notice)};color:#ffffff;font-weight:bold">{mark}</td>\n'
    subject = html.escape(texts.one_line(notice.subject))
    said = html.escape(texts.one_line(texts.what_is_wrong(notice, language)))
    yield f'<td style="{_CELL}"><b>{subject}</b><br>{said}</td>\n<td style="{_CELL}">'
    rows = [
        f"{texts.label(name, language)}: {html.escape(text).replace(chr(10), '<br>')}"
        for name, text in texts.facts(notice, language).items()
    ]
    links = texts.labelled_links(notice, surroundings)
    rows += [" · ".join(_link(name, url) for name, url in links)] if links else []
    yield "<br>\n".join(rows) + "</td></tr>\n"


def _link(name: str, url: str) -> str:
    """A link, or where its target is no page, the text of it."""
    shown, target = html.escape(name), html.escape(url)
    return f'<a href="{target}">{shown}</a>' if url.startswith(("http://", "https://")) else f"{shown}: {target}"
