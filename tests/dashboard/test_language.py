"""A Japanese page has no English on it but names, paths, commands, and what agents and people wrote."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from telemetry.phrases import phrasebook
from tests.dashboard.conftest import AGENTS, House, Opens, watched
from tests.phrases.collecting import sentences
from tests.phrases.examples import EXAMPLES
from tests.phrases.test_phrases import SPOKEN
from tests.waiting import eventually

pytestmark = pytest.mark.slow

KILLED_BY_SIGNAL = re.compile(r"シグナル 9 (\(SIGKILL\) )?で強制終了しました")
"""As the process or as tmux tells it, whichever was first."""
KILLED, SILENT = "testing_specialist", "coding_writing_specialist"
_ENGLISH = re.compile(r"[A-Za-z']+(?:[ ,;:]+[A-Za-z']+){2,}")

_TEXTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest("noscript, script, pre")) found.push(node.nodeValue);
  }
  for (const node of document.querySelectorAll("*")) {
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      if (node.hasAttribute(name)) found.push(node.getAttribute(name));
    }
  }
  return found;
}"""


def english(page: Page, *names: str) -> list[str]:
    """What on the page has three English words in a row; a screen's own text and these names are none."""
    found = [text for text in page.evaluate(_TEXTS) if text.strip()]
    assert len(found) > 50
    for name in names:
        found = [text.replace(name, "·") for text in found]
    return [text for text in found if _ENGLISH.search(text)]


@contextmanager
def slack() -> Iterator[tuple[str, list[str]]]:
    """Where messages for Slack may go, and what came."""
    came: list[str] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Takes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", came
        server.shutdown()


def test_nothing_on_a_japanese_page_and_in_its_messages_is_english(tmp_path: Path, opens: Opens) -> None:
    with slack() as (url, came):
        told: dict[str, Any] = {"SLACK_WEBHOOK_URL": url, "ORCHESTRATOR_NOTIFY_LANGUAGE": "ja"}
        refuses = {"ORCHESTRATOR_WEBHOOK_URL": "http://127.0.0.1:9/"}
        sources = ("--source", "tmux,push,claude")
        with watched(tmp_path, *AGENTS, arguments=sources, **told, **refuses) as house:
            visit = opens(house.daemon.url, locale="ja-JP")
            page = visit.page
            house.tmux.kill(KILLED)
            expect(visit.state(KILLED)).to_have_text("停止")
            alert = visit.alert("エージェントが停止しました").filter(has_text=KILLED)
            expect(alert).to_contain_text(KILLED_BY_SIGNAL)
            house.tmux("set-option", "-g", "remain-on-exit", "off")
            house.tmux.kill(SILENT)
            expect(visit.agent(SILENT)).to_contain_text("がありません（シグナル 9 (SIGKILL) で強制終了しました）")
            eventually(lambda: came, what="a message")
            _silenced(page, alert)
            expect(alert).to_contain_text("通知なし: Ada が通知を停止中: my own reason stands")
            visit.agent(KILLED).get_by_role("button").first.click()
            expect(page.locator(".details th").first).to_be_visible()
            expect(page.locator(".details tbody").last).to_contain_text("停止")
            page.locator("#history").scroll_into_view_if_needed()
            page.get_by_label("状態の変化も表示").check()
            expect(page.locator("#history")).to_contain_text("→ 停止: ")
            page.locator("#health").scroll_into_view_if_needed()
            expect(page.locator("#health")).to_contain_text("送られた変化をそのつど受け取ります")
            expect(page.locator("#health")).to_contain_text(
                "Webhook (127.0.0.1) に接続できません: 接続を拒否されました"
            )  # the webhook that refuses
            page.locator("#trends").scroll_into_view_if_needed()
            expect(page.locator(".plot").first).to_be_visible()
            page.locator("#alerts-same summary").click() if page.locator("#alerts-same").is_visible() else None
            visit.picture("all-japanese")
            assert english(page, "my own reason stands") == []
            assert page.locator("[lang=en]:not(#language)").count() == 0
            alert.get_by_role("button").last.click()
            assert english(page, "my own reason stands") == []
            visit.picture("all-japanese-dialog", whole=False)
        shown = " ".join(came)
        assert "エージェントが停止しました" in json.loads(came[0])["attachments"][0]["text"]
        assert "agent stopped" not in shown


def _silenced(page: Page, alert: Any) -> None:
    alert.get_by_role("button", name="通知を止める").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("理由").fill("my own reason stands")
    dialog.get_by_label("あなたの名前").fill("Ada")
    dialog.get_by_role("button", name="通知を止める").click()
    expect(dialog).to_be_hidden()


def test_the_page_translates_as_messages_are_translated(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url).page
    texts = [*EXAMPLES, *(sentence.filled() for sentence in sentences(*SPOKEN)), "", "nothing that anybody says"]
    texts += [unit * 80 for unit in ("works; works, works: ", "busy → idle: works; ")]
    translated = page.evaluate(
        """async (texts) => {
          const { Phrasebook } = await import("/static/phrases.js");
          const book = new Phrasebook(await (await fetch("/static/phrases_ja.json")).json());
          return texts.map((text) => book.find(text));
        }""",
        texts,
    )
    assert translated == [phrasebook("ja").find(text) for text in texts]


def test_what_an_agent_wrote_stays_as_it_is_and_english_is_told_to_who_listens(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url, locale="ja-JP").page
    shown = page.evaluate(
        """async () => {
          const { tell } = await import("/static/texts.js");
          return ["works", "I do as I please", "私は作業中", "<b>bold as I am</b>"].map((text) => {
            const node = document.createElement("p");
            tell(node, text);
            return [node.textContent, node.lang];
          });
        }"""
    )
    assert shown == [
        ["作業中です", ""],
        ["I do as I please", "en"],
        ["私は作業中", ""],
        ["<b>bold as I am</b>", "en"],
    ]


def test_the_language_is_switched_with_all_that_the_server_said(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    page = visit.page
    row = visit.agent(KILLED)
    expect(row).to_contain_text("it was killed by signal 9")
    page.get_by_role("button", name="日本語").click()
    expect(row).to_contain_text(KILLED_BY_SIGNAL)
    page.get_by_placeholder("エージェントを絞り込む").fill("強制終了")
    expect(page.locator(".agent:visible")).to_have_count(1)
    page.get_by_placeholder("エージェントを絞り込む").fill("")
    page.get_by_role("button", name="English").click()
    expect(row).to_contain_text("it was killed by signal 9")


def test_a_page_that_gets_no_phrases_shows_the_server_s_own_words(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url, locale="ja-JP")
    visit.page.route("**/static/phrases_ja.json", lambda route: route.abort())
    visit.page.reload()
    reason = visit.agent(KILLED).locator(".task small")
    expect(reason).to_contain_text("it was killed by signal 9")
    expect(reason).to_have_attribute("lang", "en")
    visit.complaints[:] = [told for told in visit.complaints if "ERR_FAILED" not in told]


@pytest.mark.parametrize(
    ("locale", "loading", "failed"),
    [
        ("en-GB", "Loading …", "Can't be had: status 418"),
        ("ja-JP", "読み込み中…", "取得できません: ステータス 418"),
    ],
)
def test_health_says_that_it_loads_and_what_fails(
    standing: House, opens: Opens, locale: str, loading: str, failed: str
) -> None:
    visit = opens(standing.daemon.url, locale=locale)
    page = visit.page
    held: list[Route] = []
    page.route("**/api/v1/sources", lambda route: held.append(route))  # noqa: PLW0108 - Playwright takes no builtin
    page.set_viewport_size({"width": 1280, "height": 120})
    page.reload()
    sources = page.locator("[data-part=sources]")
    expect(sources).to_contain_text(loading)  # before anybody has scrolled there
    assert not held
    with page.expect_request("**/api/v1/sources"):
        page.locator("#health").scroll_into_view_if_needed()
    expect(sources).to_contain_text(loading)
    held[0].fulfill(status=418, json={})
    expect(sources).to_contain_text(failed)
    page.unroute("**/api/v1/sources")
    visit.complaints[:] = [told for told in visit.complaints if "418" not in told]


def test_what_a_person_enters_is_refused_in_their_language_and_never_by_the_server(
    standing: House, opens: Opens
) -> None:
    visit = opens(standing.daemon.url, locale="ja-JP")
    page = visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    visit.alert("エージェントが停止しました").get_by_role("button", name="通知を止める").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("あなたの名前").fill("Ada")
    dialog.get_by_label("理由").fill("   ")
    dialog.get_by_label("理由").press("Enter")
    assert dialog.get_by_label("理由").evaluate("input => input.validity.valueMissing")
    dialog.get_by_role("button", name="キャンセル").click()
    page.locator("#history").scroll_into_view_if_needed()
    expect(page.locator("#history-none")).to_be_visible()
    for label, most in (("文字列", 200), ("エージェント", 128)):
        field = page.locator("#history").get_by_label(label)
        with page.expect_response(re.compile(rf"=x{{{most}}}\b")) as answered:
            field.press_sequentially("x" * 300)
        assert answered.value.status == 200
    assert english(page) == []
    assert not asked


def test_the_history_is_searched_as_it_was_said_which_its_field_says(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url, locale="ja-JP").page
    page.locator("#history").scroll_into_view_if_needed()
    page.get_by_label("状態の変化も表示").check()
    page.locator("#history").get_by_placeholder("英語の原文から検索").fill("killed by signal 9")
    expect(page.locator("#history tbody tr")).to_have_count(1)
    expect(page.locator("#history tbody tr")).to_contain_text("シグナル 9")
