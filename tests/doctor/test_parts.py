"""The parts of doctor that need no server: what is concluded from what was seen, and what is printed of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from telemetry.cli import app
from telemetry.collector.places import Place
from telemetry.doctor import asking, channels, monitor, stores
from telemetry.doctor.answers import Arrival, Word
from telemetry.doctor.asking import Ask, Reply, UnreachableError, headers_of
from telemetry.doctor.clock import Reading, judge
from telemetry.doctor.daemon import Seen
from telemetry.doctor.disk import disk, rights
from telemetry.doctor.finding import Finding, Verdict, fail, ok
from telemetry.doctor.pipeline import pipeline
from telemetry.doctor.probe import Probe, Sent, _sent
from telemetry.doctor.retention import days, retention
from telemetry.doctor.running import CHECKS, examine
from telemetry.doctor.stores import prometheus_base
from telemetry.doctor.world import World, look_around, sending_environment
from telemetry.settings import load
from telemetry.store import BegunAnewError, Store
from telemetry.watching import store_path

PROBE = Probe(1764000000123, "doctor-1", "ab" * 16, "orchestrator-cc")
Answers = dict[str, Reply | str]


class Telling(Ask):
    """Answers by the beginning of the URL; a text is why there is no answer."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, url: str, **more: Any) -> Reply:
        self.asked.append((url, more))
        found = next((one for start, one in self._answers.items() if url.startswith(start)), "nobody there")
        if isinstance(found, str):
            raise UnreachableError(f"{url}: {found}")
        return found


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., World]:
    """Makes a world of these answers, variables and settings."""

    def make(
        answers: Answers | None = None,
        daemon: Seen | None = None,
        target: Place = Place("none"),  # noqa: B008 - frozen
        settings: dict[str, Any] | None = None,
        **environ: str,
    ) -> World:
        flags = {key: ("--x", value) for key, value in (settings or {}).items()}
        loaded = load({"state_dir": ("--state-dir", str(tmp_path / "state")), **flags}, environ, tmp_path)
        return World(
            loaded.settings, environ, Telling(answers or {}), daemon or Seen(), target, now=lambda: 1764000000.0
        )

    return make


def run(check: Callable[[World], Any], world: World) -> list[Finding]:
    found: list[Finding] = asyncio.run(check(world))
    return found


def reply(content: Any, status: int = 200) -> Reply:
    return Reply(status, content if isinstance(content, str) else json.dumps(content))


# --- the whole --------------------------------------------------------------------------------------------------------


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(world: Callable[..., World]) -> None:
    async def broken(_: World) -> list[Finding]:
        raise RuntimeError("password=hunter2hunter2 is not what I expected")

    async def sound(_: World) -> list[Finding]:
        return [ok("sound", "well")]

    found = asyncio.run(examine(world(), checks={"broken": broken, "sound": sound}))
    assert [(one.check, one.verdict) for one in found] == [("broken", Verdict.FAIL), ("sound", Verdict.OK)]
    assert found[0].said.startswith("this check broke, so nothing is known of it: RuntimeError:")
    assert "hunter2" not in found[0].said


SECRETS = ("0123456789abcdef", "open-sesame-1", "pass-word-2", "path-secret-3", "team-secret-4", "enc oded-5")


def test_no_secret_is_in_the_list_however_it_got_there(world: Callable[..., World]) -> None:
    async def careless(here: World) -> list[Finding]:
        said = [f"Illegal header value {value!r}" for name, value in here.environ.items() if name != "LOKI_URL"]
        return [
            fail("careless", f"{'; '.join(said)}; https://h.example/x?y={SECRETS[3]}; {SECRETS[2]}; {SECRETS[5]}", "")
        ]

    here = world(
        DD_API_KEY="0123456789\nabcdef",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20open-sesame-1,x=enc%20oded-5",
        LOKI_URL="http://user:pass-word-2@loki:3100",
        LOKI_HEADERS="{X-Scope-OrgID: team-secret-4}",
        ORCHESTRATOR_WEBHOOK_URL="https://h.example/hook/path-secret-3",
    )
    (found,) = asyncio.run(examine(here, checks={"careless": careless}))
    for secret in (*SECRETS, "0123456789", "abcdef"):
        assert secret not in found.said, found.said
    assert "(hidden)" in found.said


def test_only_some_checks(world: Callable[..., World]) -> None:
    assert {one.check for one in asyncio.run(examine(world(), ["disk"]))} == {"disk"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "clocks"], "--only is 'clocks': it must be some of monitor, pipeline,"),
        (["--timeout", "0"], "--timeout is 0: it must be a number of seconds from 1 to 600"),
        (["--timeout", "nan"], "--timeout is nan: it must be"),
        (["--profile", "fast"], "--profile (profile) is 'fast': it must be one of"),
    ],
)
def test_a_wrong_flag_is_one_line_and_code_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--state-dir", str(tmp_path), *arguments])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_the_list_says_what_to_do_beneath_what_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def two(_: World) -> list[Finding]:
        return [ok("clock", "well"), fail("loki", "down \x1b[31mnow", "start it")]

    monkeypatch.setitem(CHECKS, "clock", two)
    arguments = ["doctor", "--only", "clock", "--state-dir", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "✓ clock  well"
    assert lines[1].startswith("✗ loki   down ")
    assert "\x1b" not in lines[1]
    assert lines[2:] == ["         → start it", "", "1 broken: 1 ✓, 1 ✗"]
    plain = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert plain["broken"] == 1
    assert plain["findings"][0] == {"check": "clock", "verdict": "ok", "said": "well", "todo": ""}


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_without_a_monitor_the_environment_says_where_to_send(world: Callable[..., World], tmp_path: Path) -> None:
    settings = world().settings

    def target(**environ: str) -> tuple[str, str, tuple[str, ...]]:
        found = asyncio.run(look_around(settings, environ=environ))
        return found.target.kind, found.target.url, found.backends

    assert target() == ("own", "http://127.0.0.1:4318", ("prometheus", "file"))
    assert target(ORCHESTRATOR_COLLECTOR_HTTP_PORT="5318", BACKENDS="loki")[1:] == ("http://127.0.0.1:5318", ("loki",))
    assert target(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318") == ("other", "http://c:4318", ())
    assert target(OTEL_SDK_DISABLED="true")[0] == "none"


def test_the_monitors_endpoint_wins_over_this_terminals(world: Callable[..., World]) -> None:
    found = world(
        target=Place("own", "http://127.0.0.1:4318"),
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="http://elsewhere:4318/v1/logs",
        ORCHESTRATOR_COLLECTOR_TOKEN="a b",
    )
    sending = sending_environment(found)
    assert sending["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    assert "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" not in sending
    assert sending["OTEL_EXPORTER_OTLP_HEADERS"] == "Authorization=Bearer%20a%20b"
    same = world(target=Place("other", "http://c:4318/x"), OTEL_EXPORTER_OTLP_ENDPOINT="http://u:p@c:4318/x")
    assert sending_environment(same)["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://u:p@c:4318/x"


def test_nothing_sent_anywhere_is_no_fault(world: Callable[..., World]) -> None:
    (found,) = run(pipeline, world())
    assert found.verdict is Verdict.WARN
    assert "nothing is sent anywhere" in found.said


def test_a_variable_that_cant_be_is_named(world: Callable[..., World], capfd: pytest.CaptureFixture[str]) -> None:
    found = run(pipeline, world(target=Place("other", "http://x"), OTEL_LOGS_EXPORTER="carrier-pigeon"))
    assert found[0].said.startswith("OTEL_LOGS_EXPORTER: 'carrier-pigeon' is not known")
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"}
    found = run(pipeline, world(target=Place("other", "nonsense"), **endpoint))
    headers = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1", "OTEL_EXPORTER_OTLP_HEADERS": "no-equals-very-secret"}
    (bad, *_) = run(pipeline, world(target=Place("other", "http://x:1"), **headers))
    assert bad.said.startswith("OTEL_EXPORTER_OTLP_HEADERS can't be read")
    assert "very-secret" not in capfd.readouterr().err
    assert found[0].said == "OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' is not a URL such as http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("answer", "arrival", "said"),
    [
        (reply({"data": {"result": [{"stream": {}}]}}), Arrival.THERE, "the log line is in http://loki:3100"),
        (reply({"data": {"result": []}}), Arrival.NOT_YET, "the log line is not in http://loki:3100"),
        (reply("<html>"), Arrival.REFUSED, "what answers at http://loki:3100 is no Loki"),
        (reply("no org id", 401), Arrival.REFUSED, "wrong key: http://loki:3100/loki/api/v1/query_range answered 401"),
        (reply("", 404), Arrival.REFUSED, "wrong address: http://loki:3100/loki/api/v1/query_range answered 404"),
        (
            reply("too many", 503),
            Arrival.UNREACHABLE,
            "http://loki:3100/loki/api/v1/query_range answered 503: too many",
        ),
        ("Connection refused", Arrival.UNREACHABLE, "Connection refused"),
    ],
)
def test_what_loki_answers(world: Callable[..., World], answer: Reply | str, arrival: Arrival, said: str) -> None:
    here = world({"http://": answer}, LOKI_URL="http://loki:3100", LOKI_HEADERS="{X-Scope-OrgID: team-a}")
    word = asyncio.run(stores.loki(here, PROBE))
    assert word.arrival is arrival
    assert said in word.said
    asked = here.ask.asked[0][1]  # type: ignore[attr-defined]  # the test's own
    assert asked["params"]["query"] == '{service_name="orchestrator-cc"} | record_id="doctor-1"'
    assert asked["headers"] == {"X-Scope-OrgID": "team-a"}


LOGIN = reply("<html><title>Sign in</title></html>")
ASKERS: dict[str, tuple[Callable[[World], Any], dict[str, str], str, str]] = {
    # how it is asked, where it is said to be, and the variables: where it is, who asks
    "loki": (lambda w: stores.loki(w, PROBE), {"LOKI_URL": "http://b"}, "LOKI_URL", "LOKI_HEADERS"),
    "elasticsearch": (
        lambda w: stores.elasticsearch(w, PROBE),
        {"ELASTICSEARCH_URL": "http://b"},
        "ELASTICSEARCH_URL",
        "ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD",
    ),
    "datadog": (
        lambda w: stores.datadog(w, PROBE),
        {"DD_METRICS_URL": "http://b"},
        "DD_METRICS_URL",
        "DD_API_KEY (and DD_SITE: a key holds for one site)",
    ),
    "prometheus": (
        lambda w: stores.prometheus(w, PROBE, "http://b", {}, ("P_URL", "P_HEADERS")),
        {},
        "P_URL",
        "P_HEADERS",
    ),
}


@pytest.mark.parametrize("backend", ASKERS)
def test_the_hint_names_the_variable_to_look_at(world: Callable[..., World], backend: str) -> None:
    ask, environ, address, key = ASKERS[backend]

    def word(answer: Reply) -> Word:
        found: Word = asyncio.run(ask(world({"http://b": answer}, **environ)))
        assert found.arrival is Arrival.REFUSED
        return found

    assert word(reply("", 401)).todo == word(reply("", 403)).todo == f"correct {key}"
    assert word(reply("", 404)).todo == word(reply("", 405)).todo == f"correct {address}"
    for login in (reply("", 302), LOGIN):
        found = word(login)
        assert found.said.startswith("what answers at http://b")
        assert found.todo == f"correct {address}, or {key} where a login page stands before it"


@pytest.mark.parametrize("status", [302, 401, 404])
def test_what_isnt_the_page_of_the_collector_has_its_port(world: Callable[..., World], status: int) -> None:
    here = world({"http://": reply("", status)}, target=Place("own", "http://127.0.0.1:4318"))
    word = asyncio.run(stores.prometheus_page(here, PROBE))
    assert word.arrival is Arrival.REFUSED
    assert word.todo == "correct ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT"


def test_the_page_of_the_collector_must_hold_this_runs_number(world: Callable[..., World]) -> None:
    page = 'orchestrator_doctor_probe{instance="a"} 1.764000000123e+12\n'
    here = Place("own", "http://127.0.0.1:4318")
    there = asyncio.run(stores.prometheus_page(world({"http://127.0.0.1:8889/": reply(page)}, target=here), PROBE))
    assert there.arrival is Arrival.THERE
    old = page.replace("0123", "0122")
    word = asyncio.run(stores.prometheus_page(world({"http://": reply(old)}, target=here), PROBE))
    assert word.arrival is Arrival.NOT_YET


def test_elasticsearch_must_have_both(world: Callable[..., World]) -> None:
    hit, none = reply({"hits": {"hits": [{}]}}), reply({"hits": {"hits": []}})
    answers: Answers = {"http://es:9200/logs-": hit, "http://es:9200/traces-": none}
    word = asyncio.run(stores.elasticsearch(world(answers, ELASTICSEARCH_URL="http://es:9200/"), PROBE))
    assert (word.arrival, word.said) == (Arrival.NOT_YET, "the span is not in traces-orchestrator.otel-default")
    assert stores.elasticsearch_headers(world(ELASTICSEARCH_API_KEY="k")) == {"Authorization": "ApiKey k"}
    basic = stores.elasticsearch_headers(world(ELASTICSEARCH_USER="u", ELASTICSEARCH_PASSWORD="p"))
    assert basic == {"Authorization": "Basic dTpw"}


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://p:9090/api/v1/write", "http://p:9090"),
        ("http://p:9090/api/v1/otlp/", "http://p:9090"),
        ("http://mimir/api/v1/push", "http://mimir/prometheus"),
        ("http://mimir:8080/otlp", "http://mimir:8080/prometheus"),
        ("http://other/insert", ""),
    ],
)
def test_where_prometheus_is_asked_that_is_written_to(written: str, asked: str) -> None:
    assert prometheus_base(written) == asked


@pytest.mark.parametrize("text", ["", "[]", "{a", "- x"])
def test_headers_that_are_none(text: str) -> None:
    assert headers_of(text) == {}


def test_a_date_that_is_none() -> None:
    assert asking._date("yesterday") is None
    assert asking._date("Thu, 01 Jan 1970 00:01:40 GMT") == 100.0


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            ["Failed to export spans batch code: 401, reason: Unauthorized"],
            Sent("traces", "answered 401 Unauthorized", 401),
        ),
        (
            [
                "Transient error HTTPConnectionPool(…): Connection refused')) encountered while …",
                "… due to timeout, max …",
            ],
            Sent("traces", "connection refused", is_unreachable=True),
        ),
        (
            ["… Failed to resolve 'nowhere' …"],
            Sent("traces", "its host has no address", is_unreachable=True, has_no_name=True),
        ),
        (
            ["Transient error Service Unavailable encountered while exporting, retrying", "… due to timeout, max …"],
            Sent("traces", "answered: Service Unavailable", 503),
        ),
        (["… due to timeout, max retries or shutdown."], Sent("traces", "gave no answer within 4 s", is_silent=True)),
        (["… error code: StatusCode.UNAUTHENTICATED …"], Sent("traces", "answered UNAUTHENTICATED", 401)),
        ([], Sent("traces", "no reason was given")),
    ],
)
def test_what_the_exporters_words_mean(said: list[str], wanted: Sent) -> None:
    assert _sent("traces", False, said) == wanted
    assert _sent("traces", True, said) == Sent("traces")


# --- what is concluded ------------------------------------------------------------------------------------------------


def test_whose_clock_is_off() -> None:
    loki, other = Reading("Loki", "loki:3100", 60.0), Reading("Prometheus", "p:9090", 0.0)
    assert judge([other]).verdict is Verdict.OK
    assert judge([]).verdict is Verdict.WARN
    theirs = judge([loki, other])
    assert "that of Loki (loki:3100) is 60 s ahead of this machine's; others agree with it" in theirs.said
    both = judge([Reading("Loki", "loki:3100", -90.0), Reading("Prometheus", "p:9090", -88.0)])
    assert both.said == "clock off: that of Loki (loki:3100) is 90 s behind this machine's"
    assert "timedatectl" in both.todo


@pytest.mark.parametrize(
    ("text", "wanted"), [("15d", 15), ("744h", 31), ("1w", 7), ("1d12h", 1.5), ("0s", 0), ("", None), ("soon", None)]
)
def test_how_many_days(text: str, wanted: float | None) -> None:
    assert days(text) == wanted


@pytest.mark.parametrize(
    ("kept", "verdict", "said"),
    [
        ("15d", Verdict.FAIL, "wrong retention: Prometheus (http://p) keeps 15 days, the profile staging promises 30"),
        ("30d or 1GiB", Verdict.OK, "Prometheus (http://p) keeps 30 days"),
        ("0s", Verdict.OK, "Prometheus (http://p) keeps everything"),
    ],
)
def test_how_long_prometheus_keeps(world: Callable[..., World], kept: str, verdict: Verdict, said: str) -> None:
    answers: Answers = {"http://p/api/v1/status/runtimeinfo": reply({"data": {"storageRetention": kept}})}
    found = run(retention, world(answers, settings={"profile": "staging"}, PROMETHEUS_URL="http://p"))
    assert (found[-1].verdict, found[-1].said) == (verdict, said)


def test_our_own_retention_below_the_profiles(world: Callable[..., World]) -> None:
    (found,) = run(retention, world(settings={"profile": "production", "log.retention_days": 3}))
    assert found.verdict is Verdict.WARN
    assert found.said == "log.retention_days is 3: less than the 90 days of the profile production"


def test_what_others_can_read(world: Callable[..., World], tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    store = state / "store.sqlite3"
    store.write_text("")
    store.chmod(0o600)
    assert run(rights, world())[0].verdict is Verdict.OK
    store.chmod(0o644)
    state.chmod(0o755)
    found = run(rights, world())
    assert [one.todo for one in found] == [f"chmod 700 {state}", f"chmod 600 {store}"]
    assert "mode 0644" in found[1].said


def test_a_settings_file_with_secrets_is_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        f"state_dir: {tmp_path / 'state'}\nchannels: {{webhook: {{url: 'https://h.example/very-secret'}}}}\n"
    )
    file.chmod(0o644)
    settings = load({}, {}, tmp_path, str(file)).settings
    found = run(rights, World(settings, {}, Ask(), Seen(), Place("none"), file=file))
    assert [one.todo for one in found] == [f"chmod 600 {file}"]
    assert "very-secret" not in found[0].said
    file.write_text(f"state_dir: {tmp_path / 'state'}\n")
    assert run(rights, World(settings, {}, Ask(), Seen(), Place("none"), file=file))[0].verdict is Verdict.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cant_be_written(world: Callable[..., World], tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    assert "can't be written: Permission denied" in run(disk, world())[0].said


def test_a_damaged_store_that_was_set_aside_is_named(world: Callable[..., World], tmp_path: Path) -> None:
    here = world()
    path = store_path(here.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert [one.verdict for one in run(disk, here)] == [Verdict.OK]
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(BegunAnewError):
        Store(path, owner=True).restarts("main")
    (warning,) = [one for one in run(disk, here) if one.verdict is Verdict.WARN]
    assert "a damaged store was set aside" in warning.said
    assert f"{path.name}.damaged-1" in warning.said


def test_how_it_is_with_the_monitor(world: Callable[..., World]) -> None:
    assert run(monitor.monitor, world())[0].verdict is Verdict.WARN
    assert run(monitor.monitor, world(daemon=Seen(7)))[0].said == "process 7 runs, answers and checks"
    found = run(monitor.monitor, world(daemon=Seen(7, not_ready="cluster main: monitoring is stopped")))
    assert found[0].said == "stale: the monitor (process 7) is not ready: cluster main: monitoring is stopped"


def test_a_source_that_gives_no_answer(world: Callable[..., World]) -> None:
    one = {"source": "claude", "agents": 0, "error": "no permission", "age": None, "events": ""}
    seen = Seen(7, sources={"clusters": [{"cluster": "main", "sources": [one]}]})
    (found,) = run(monitor.sources, world(daemon=seen))
    assert (found.check, found.verdict) == ("source claude", Verdict.FAIL)
    assert found.said == "cluster main: it gives no answer: no permission"


def test_tmux_that_is_missing_matters_where_it_is_asked_for(world: Callable[..., World], tmp_path: Path) -> None:
    found = run(monitor.sources, world(settings={"sources": "tmux"}, PATH=str(tmp_path)))
    assert [(one.check, one.verdict) for one in found] == [("source tmux", Verdict.FAIL)]


def test_what_a_channel_could_not_deliver_counts_more_than_that_somebody_is_there(world: Callable[..., World]) -> None:
    failed = [{"error": "the webhook (h.example) answered 404"}]
    held = {"channels": [{"channel": "webhook", "failed": failed, "sending": None}]}
    url = "https://h.example/very-secret"
    here = world({url: reply("")}, Seen(7, channels=held), ORCHESTRATOR_WEBHOOK_URL=url)
    (found,) = run(channels.notifiers, here)
    assert found.said == "bad webhook: 1 message not delivered: the webhook (h.example) answered 404"
    assert here.ask.asked[0][1]["method"] == "HEAD"  # type: ignore[attr-defined]  # the test's own


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "ok"), (405, "ok"), (403, "ok"), (501, "ok"), (404, "fail"), (410, "fail"), (502, "fail")],
)
def test_what_a_webhook_answers_to_head(world: Callable[..., World], status: int, verdict: str) -> None:
    url = "https://h.example/very-secret"
    (found,) = run(channels.notifiers, world({url: reply("", status)}, ORCHESTRATOR_WEBHOOK_URL=url))
    assert found.verdict == verdict
    assert "very-secret" not in found.said


def test_a_webhook_that_cant_be_reached_is_not_quoted(world: Callable[..., World]) -> None:
    here = world({"https://": "Connection refused"}, ORCHESTRATOR_WEBHOOK_URL="https://h.example/very-secret")
    (found,) = run(channels.notifiers, here)
    assert found.said == "bad webhook: h.example can't be reached: Connection refused"
