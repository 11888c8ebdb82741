"""Nothing keeps a person from using the page: axe-core finds no violation, in every form the page has."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import House, Opens
from tests.dashboard.fetch import script
from tests.dashboard.visiting import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.slow

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(visit: Visit) -> list[str]:
    """What axe-core finds, a line each."""
    if not visit.page.evaluate("'axe' in window"):
        visit.page.evaluate(script().read_text(encoding="utf-8"))
    found = visit.page.evaluate(
        "async (tags) => (await axe.run(document, { runOnly: tags, resultTypes: ['violations'] })).violations", RULES
    )
    return [
        f"{rule['id']}: {node['html'][:200]} {' '.join(check['message'] for check in node['any'] + node['all'])}"
        for rule in found
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": PHONE}),
        ("phone-dark-japanese", {"viewport": PHONE, "locale": "ja-JP", "color_scheme": "dark"}),
        ("japanese", {"locale": "ja-JP"}),
    ],
)
def test_no_violation_as_it_stands_with_details_and_with_a_dialog(
    standing: House, opens: Opens, name: str, context: dict[str, object]
) -> None:
    visit = opens(standing.daemon.url, **{"viewport": DESKTOP, **context})
    page = visit.page
    expect(visit.agent("testing_specialist")).to_have_attribute("data-state", "stopped")
    for section in ("trends", "history", "health"):
        page.locator(f"#{section}").scroll_into_view_if_needed()
    expect(page.locator("#health li").first).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    assert violations(visit) == []
    visit.picture(name)
    visit.agent("testing_specialist").get_by_role("button").first.click()
    expect(page.locator(".details th").first).to_be_visible()
    page.locator(".plot summary").first.click()
    assert violations(visit) == []
    visit.picture(f"{name}-details")
    page.locator("#alerts-list .acts button").last.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(visit) == []
    visit.picture(f"{name}-dialog", whole=False)
