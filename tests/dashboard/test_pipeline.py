"""What a person sees of the way of telemetry itself: its alerts, what to do about them, and its health."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.collector.test_lookout import a_page
from tests.dashboard.conftest import AGENTS, Opens, watched

pytestmark = pytest.mark.slow

PAGE = b"""\
otelcol_storage_damaged_files 2
otelcol_exporter_sent_log_records{exporter="otlp_http/loki"} 9
otelcol_exporter_queue_size{data_type="logs",exporter="otlp_http/loki"} 95
otelcol_exporter_queue_capacity{data_type="logs",exporter="otlp_http/loki"} 100
"""


def test_a_queue_that_fills_and_a_damaged_one_are_told_and_are_no_agents(tmp_path: Path, opens: Opens) -> None:
    with a_page(PAGE) as url:
        parts = urlsplit(url)
        told: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{parts.netloc}",
            "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT": str(parts.port),
        }
        with watched(tmp_path, *AGENTS, **told) as house:
            page = (visit := opens(house.daemon.url)).page
            full = visit.alert("the collector's queue of logs for this backend is at least 90 % full")
            expect(full).to_contain_text("@pipeline / loki")
            damaged = visit.alert("files of its queues were damaged, and set aside: 2")
            expect(damaged).to_contain_text("@pipeline / collector")
            expect(page.locator("#glance .cluster")).to_have_count(1)
            assert set(house.daemon.agents()) == set(AGENTS)
            runbook = damaged.get_by_role("link", name="Runbook").get_attribute("href")
            assert runbook == "/runbooks#queue_damaged"
            assert "NAME.damaged-TIME" in house.daemon.get("/runbooks")

            page.locator("#health").scroll_into_view_if_needed()
            expect(page.locator("#health")).to_contain_text("2 damaged files of its queues set aside at its start")
            visit.picture("pipeline")
            page.locator("#language").click()
            expect(visit.alert("このバックエンド宛てのログのキューが 90 % 以上埋まっています")).to_be_visible()
            expect(page.locator("#health")).to_contain_text("破損したキューのファイルを 2 個退避しました")
