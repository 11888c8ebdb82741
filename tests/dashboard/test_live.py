"""What changes is on the page at once, without a reload; a lost connection is seen, and found again."""

from __future__ import annotations

import re
import signal

import pytest
from playwright.sync_api import expect

from tests.daemons import daemon
from tests.dashboard.conftest import House, Opens

pytestmark = pytest.mark.slow

AT_ONCE = 1000.0
"""Milliseconds: within a second, as the page promises of a death."""
SOON = 10_000.0
"""Milliseconds that a busy machine may take for the rest."""


def test_a_killed_agent_is_seen_within_a_second_and_told_by_sentence_title_icon_and_strip(
    house: House, opens: Opens
) -> None:
    visit = opens(house.daemon.url)
    page = visit.page
    page.evaluate("window.same = true")
    expect(visit.state("coding_writing_specialist")).not_to_have_text("stopped")
    house.tmux.kill("coding_writing_specialist")
    expect(visit.state("coding_writing_specialist")).to_have_text("stopped", timeout=AT_ONCE)
    sentence = page.locator("#glance .sentence")
    expect(sentence).to_have_text(
        re.compile(r"^\d of 3 agents working; .*coding_writing_specialist stopped \d+ s ago\.$")
    )
    expect(page).to_have_title("(1) orchestrator-telemetry")
    assert page.locator("#icon").get_attribute("href") == "/static/icon-trouble.svg"
    expect(page.locator(".agent").first).to_contain_text("coding_writing_specialist")  # trouble comes first
    expect(visit.alert("coding_writing_specialist").first).to_contain_text("agent stopped")
    expect(visit.agent("coding_writing_specialist").locator("svg.strip")).to_have_attribute(
        "aria-label", re.compile("stopped"), timeout=SOON
    )
    assert page.evaluate("window.same")  # it is the very page, not loaded anew


def test_an_alert_is_acknowledged_and_silenced_and_the_silence_ended(house: House, opens: Opens) -> None:
    visit = opens(house.daemon.url)
    page = visit.page
    house.tmux.kill("testing_specialist")
    alert = visit.alert("agent stopped").first
    alert.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("testing_specialist")
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_label("Note").fill("looking <b>into</b> it")
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(dialog).to_be_hidden()
    expect(alert).to_contain_text("acknowledged by Ada: looking <b>into</b> it")
    expect(alert.get_by_role("button", name="Acknowledge")).to_have_count(0)

    alert.get_by_role("button", name="Silence").click()
    dialog.get_by_label("What").select_option(label="everything about testing_specialist")
    dialog.get_by_label("For how long").select_option(label="4 h")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_be_visible()  # the browser asks for the reason
    dialog.get_by_label("Reason").fill("a rebuild")
    assert dialog.get_by_label("Your name").input_value() == "Ada"
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_be_hidden()
    silences = page.locator("#silences")
    expect(silences).to_contain_text("testing_specialist")
    expect(silences).to_contain_text("a rebuild · by Ada")
    expect(alert).to_contain_text("not told")
    visit.picture("silenced")
    silences.get_by_role("button", name="End").click()
    expect(silences).to_be_hidden()


def test_a_lost_connection_is_told_and_resumed(house: House, opens: Opens) -> None:
    visit = opens(house.daemon.url)
    page = visit.page
    port = house.daemon.url.rpartition(":")[2]
    house.daemon.end(signal.SIGKILL)
    connection = page.locator("#connection")
    expect(connection).to_contain_text("what you see is old", timeout=SOON)
    expect(page).to_have_title(re.compile(r"^\(\?\)"))
    visit.picture("lost", whole=False)
    house.tmux.kill("grand_boss")
    flags = ("dashboard", "--port", port, "--interval", "1", "--source", "tmux", "--tmux-socket", house.tmux.socket)
    with daemon(house.home, *flags) as again:
        assert again.url.endswith(port)
        expect(connection).to_have_text("live", timeout=15_000)
        expect(visit.state("grand_boss")).to_have_text("stopped")
        visit.complaints[:] = [told for told in visit.complaints if "ERR_" not in told]  # that nobody answered
        page.goto("about:blank")  # before the daemon goes


def test_a_server_that_says_nothing_is_as_lost_as_one_that_is_gone(house: House, opens: Opens) -> None:
    visit = opens(house.daemon.url)
    page = visit.page
    page.clock.install()
    page.reload()
    page.locator("body[data-connection=live]").wait_for()
    house.daemon.process.send_signal(signal.SIGSTOP)
    try:
        page.clock.run_for(10_000)
        expect(page.locator("#connection")).to_have_text("live")
        page.clock.run_for(3_500)
        expect(page.locator("#connection")).to_contain_text("connection lost 1", timeout=SOON)
    finally:
        house.daemon.process.send_signal(signal.SIGCONT)
    page.clock.resume()
    expect(page.locator("#connection")).to_have_text("live", timeout=15_000)


def test_what_agents_wrote_is_text(house: House, opens: Opens) -> None:
    name = '<img src=x onerror="window.pwned=1">'
    task = "<script>window.pwned=2</script>"
    house.tmux.add(name)
    pane = house.tmux("list-panes", "-a", "-F", "#{pane_id}").splitlines()[-1]
    house.tmux("set-option", "-p", "-t", pane, "@agent_role", task)
    house.tmux("respawn-pane", "-k", "-t", pane, f"printf '%s\\n' '{task}'; exec sleep 1000")
    visit = opens(house.daemon.url)
    row = visit.agent(name)
    expect(row).to_contain_text(task)
    row.get_by_role("button").first.click()
    expect(row.locator("pre")).to_contain_text(task)
    house.tmux("kill-pane", "-t", pane)
    expect(visit.alert(name).first).to_contain_text("stopped")
    expect(visit.page.locator("#glance .sentence")).to_contain_text(name)
    visit.picture("hostile")
    assert visit.page.evaluate("window.pwned") is None
    assert visit.page.locator("main img, main script").count() == 0
