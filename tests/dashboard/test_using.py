"""What a person does with the page: filters, other languages and themes, a phone, the keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import AGENTS, LAST_WORDS, House, Opens, watched
from tests.dashboard.test_access import violations
from tests.dashboard.visiting import PHONE

pytestmark = pytest.mark.slow


def test_agents_are_filtered_by_text_and_by_state_and_sorted(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    page = visit.page
    rows = page.locator(".agent:visible")
    expect(visit.state("testing_specialist")).to_have_text("stopped")
    expect(rows).to_have_count(3)
    page.get_by_label("Filter agents").fill("SPECIALIST")
    expect(rows).to_have_count(2)
    chip = page.get_by_role("button", name=re.compile("stopped"), exact=False).and_(page.locator(".chip"))
    chip.click()
    expect(rows).to_have_count(1)
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Filter agents").fill("no such")
    expect(page.get_by_text("No agent fits the filter.")).to_be_visible()
    page.get_by_label("Filter agents").fill("")
    chip.click()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("testing_specialist")
    page.get_by_label("Order").select_option(label="By name")
    expect(rows.first).to_contain_text("coding_writing_specialist")
    page.reload()
    expect(rows.first).to_contain_text("coding_writing_specialist")  # it is remembered


def test_language_and_theme_are_chosen_and_remembered(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    page = visit.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(visit.state("testing_specialist")).to_have_text("停止")
    expect(page.locator("#glance .sentence")).to_contain_text("エージェント中")
    expect(page.get_by_role("heading", name="履歴")).to_be_visible()
    for _ in range(2):
        page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("テーマ: ダーク")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="English").click()
    expect(visit.state("testing_specialist")).to_have_text("stopped")


def test_a_browser_that_speaks_japanese_and_likes_it_dark_gets_it_so(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url, locale="ja-JP", color_scheme="dark").page
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 20)"


def test_a_phone_needs_no_sideways_scrolling(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url, viewport=PHONE, has_touch=True, is_mobile=True)
    assert not visit.is_wider_than_its_screen()
    visit.agent("testing_specialist").get_by_role("button").first.click()
    expect(visit.page.locator(".details pre")).to_be_visible()
    assert not visit.is_wider_than_its_screen()
    visit.alert("agent stopped").first.get_by_role("button", name="Silence").click()
    box = visit.page.get_by_role("dialog").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_all_of_it_is_reached_by_the_keyboard_alone(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    page = visit.page
    expect(visit.state("testing_specialist")).to_have_text("stopped")
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_text("Skip to the agents")).to_be_focused()
    keys.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Keyboard")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    keys.press("/")
    expect(page.get_by_label("Filter agents")).to_be_focused()
    keys.type("testing")
    expect(page.locator(".agent:visible")).to_have_count(1)
    keys.press("Escape")
    expect(page.locator(".agent:visible")).to_have_count(3)
    keys.press("j")
    first = visit.agent("testing_specialist").get_by_role("button").first
    expect(first).to_be_focused()
    keys.press("Enter")
    expect(first).to_have_attribute("aria-expanded", "true")
    keys.press("j")
    expect(visit.agent("coding_writing_specialist").get_by_role("button").first).to_be_focused()
    keys.press("k")
    expect(first).to_be_focused()
    keys.press("a")
    expect(dialog).to_contain_text("Acknowledge: testing_specialist")
    keys.press("Escape")
    expect(first).to_be_focused()  # back where it was
    seen = set()
    for _ in range(60):
        keys.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('section, header, footer')?.id ?? ''"))
    assert {"trends", "history"} <= seen


def test_an_agent_is_explained_and_its_last_lines_are_shown(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    row = visit.agent("testing_specialist")
    row.get_by_role("button").first.click()
    details = row.locator(".details")
    expect(details.get_by_role("rowheader", name="tmux")).to_be_visible()
    expect(details).to_contain_text("In this state since")
    expect(details.locator(".alert")).to_contain_text("agent stopped")
    expect(details.locator("pre")).to_contain_text(LAST_WORDS)


def test_an_agent_whose_pane_is_gone_has_no_lines_and_that_is_no_error(house: House, opens: Opens) -> None:
    visit = opens(house.daemon.url)
    expect(visit.state("testing_specialist")).not_to_have_text("stopped")
    house.tmux("kill-window", "-t", house.tmux.window("testing_specialist"))
    expect(visit.state("testing_specialist")).to_have_text("stopped")
    row = visit.agent("testing_specialist")
    with visit.page.expect_response("**/api/v1/agents/lines*") as asked:
        row.get_by_role("button").first.click()
    assert asked.value.status == 200
    expect(row.get_by_role("group", name="Last lines")).to_have_text("No source has lines of it.")


def test_a_blank_screen_is_said_to_be_blank(standing: House, opens: Opens) -> None:
    visit = opens(standing.daemon.url)
    blank = {"agent": "testing_specialist", "cluster": "c", "source": "tmux", "at": 0, "lines": ["", ""]}
    visit.page.route("**/api/v1/agents/lines*", lambda route: route.fulfill(json=blank))
    row = visit.agent("testing_specialist")
    row.get_by_role("button").first.click()
    expect(row.get_by_role("group", name="Last lines")).to_have_text("The screen is blank.")
    assert violations(visit) == []


def test_the_history_is_filtered(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url).page
    page.get_by_role("link", name="History").click()
    history = page.locator("#history")
    history.get_by_label("changes of state too").check()
    expect(history.get_by_role("row").filter(has_text="testing_specialist").first).to_be_visible()
    history.get_by_label("Text").fill("nothing says this")
    expect(history.get_by_text("Nothing fits.")).to_be_visible()
    history.get_by_label("Text").fill("")
    history.get_by_label("Agent").fill("testing_specialist")
    expect(history.get_by_role("row").filter(has_text="testing_specialist").first).to_be_visible()
    history.get_by_label("Level").select_option(label="Critical")
    expect(history.get_by_text("Nothing fits.")).to_be_visible()


def test_the_history_shows_a_change_of_state_that_happens_meanwhile(house: House, opens: Opens) -> None:
    page = opens(house.daemon.url).page
    history = page.locator("#history")
    page.get_by_role("link", name="History").click()
    expect(history.get_by_text("Nothing fits.")).to_be_visible()
    history.get_by_label("changes of state too").check()
    expect(history.get_by_text("busy → idle").first).to_be_visible(timeout=30_000)  # of which there is no alert


def test_plots_are_read_by_pointer_keys_and_as_a_table(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url).page
    page.get_by_role("link", name="Trends").click()
    plot = page.locator(".plot").first
    frame = plot.get_by_role("img")
    expect(frame).to_have_attribute("aria-label", re.compile(r"^Agents by state over 3 h\. Now: 1 stopped|\d \w+"))
    frame.focus()
    page.keyboard.press("End")
    expect(plot.locator(".when")).to_have_text(re.compile(r"\d\d:\d\d"))
    expect(plot.locator(".legend")).to_contain_text("stopped")
    page.get_by_role("group", name="Range").get_by_role("button", name="1 h").click()
    expect(frame).to_have_attribute("aria-label", re.compile("over 1 h"))
    plot.get_by_text("As a table").click()
    expect(plot.get_by_role("row").nth(1)).to_be_visible()
    expect(plot.get_by_text("nobody watched").first).to_be_attached()


def test_both_languages_have_the_same_texts_of_the_same_kind(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url).page
    shapes = page.evaluate(
        """async () => {
          const shape = (value, at) => typeof value === "object"
            ? Object.entries(value).flatMap(([name, part]) => shape(part, `${at}/${name}`))
            : [`${at} ${typeof value} ${value.length >= 0 && typeof value === "function" ? value.length : ""}`];
          const { ENGLISH } = await import("/static/texts_en.js");
          const { JAPANESE } = await import("/static/texts_ja.js");
          return [shape(ENGLISH, ""), shape(JAPANESE, "")];
        }"""
    )
    assert shapes[0] == shapes[1]


def test_links_are_filled_and_left_out_where_a_value_is_missing(standing: House, opens: Opens) -> None:
    page = opens(standing.daemon.url).page
    filled = page.evaluate(
        """async () => {
          const { filled } = await import("/static/links.js");
          return [
            filled("https://g/?q={agent}&t={trace_id}", { agent: "a b&c", trace_id: "ff" }),
            filled("https://g/{trace_id}", {}),
            filled("javascript:alert({agent})", { agent: "1" }),
            filled("{agent}", { agent: "javascript:alert(1)" }),
            filled("https://g/{agent}", { agent: "a' or 1" }),
          ];
        }"""
    )
    assert filled == ["https://g/?q=a%20b%26c&t=ff", "", "", "", ""]


def test_who_may_only_read_finds_no_button_that_changes_anything_and_links_lead_elsewhere(
    tmp_path: Path, opens: Opens
) -> None:
    token = "a-token-that-reads-only"
    elsewhere = {
        "ORCHESTRATOR_GRAFANA_URL": "https://grafana.example",
        "ORCHESTRATOR_JAEGER_URL": "https://jaeger.example",
    }
    with watched(tmp_path, *AGENTS, arguments=(), ORCHESTRATOR_DASHBOARD_READ_TOKEN=token, **elsewhere) as house:
        house.tmux.kill("grand_boss")
        visit = opens(house.daemon.url, extra_http_headers={"authorization": f"Bearer {token}"})
        alert = visit.alert("agent stopped").first
        logs = alert.get_by_role("link", name=re.compile("logs of the agent"))
        expect(logs).to_have_attribute("href", re.compile(r"^https://grafana\.example/explore\?.*grand_boss.*\d{13}"))
        expect(alert.locator("a[href*=jaeger]")).to_have_count(0)  # without a collector no check has a trace
        expect(alert.get_by_role("link", name="Runbook")).to_have_attribute("href", "/runbooks#agent_stopped")
        expect(visit.page.locator("#alerts button:visible")).to_have_count(0)
        visit.page.locator(".agent button").first.focus()
        visit.page.keyboard.press("a")
        expect(visit.page.get_by_role("dialog")).to_be_hidden()
        visit.page.goto("about:blank")
