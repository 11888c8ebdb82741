"""Every way in which a setting can be wrong, and where each value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.settings import Kind, Loaded, SettingsError, load
from telemetry.settings.layers import KNOWN, VARIABLES

NAME = "orchestrator-telemetry.yaml"


def loaded(folder: Path, text: str | None = None, environ: dict[str, str] | None = None, **flags: str) -> Loaded:
    if text is not None:
        (folder / NAME).write_text(text, encoding="utf-8")
    given = {key.replace("__", "."): (f"--{key}", value) for key, value in flags.items()}
    return load(given, {"HOME": str(folder), **(environ or {})}, folder)


def refused(folder: Path, text: str | None = None, environ: dict[str, str] | None = None, **flags: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, environ, **flags)
    line = str(caught.value)
    assert "\n" not in line
    return line


WRONG_FILES = {
    "check_interval: fast": "check_interval is 'fast': it must be a number of seconds from 0.1 to 86400",
    "check_interval: 0": "check_interval is 0: it must be a number of seconds",
    "check_interval: true": "check_interval is True: it must be a number of seconds",
    "check_interval: .nan": "check_interval is nan: it must be a number of seconds",
    "check_interval: [5]": "check_interval is [5]: it must be a number of seconds",
    "agent_timeout: -1": "agent_timeout is -1: it must be",
    "max_idle_time: .inf": "max_idle_time is inf: it must be",
    "check_intervall: 5": "check_intervall is not known: did you mean check_interval?",
    "chk: 5": "chk is not known; known here: profile, check_interval",
    "profile: prod": "profile is 'prod': it must be one of development, staging, production",
    "log: {levl: info}": "log.levl is not known: did you mean level?",
    "log: 5": "log is 5: it must be a section with the keys level, dir, retention_days",
    "log: {level: loud}": "log.level is 'loud': it must be one of debug, info, warning, error, critical",
    "log: {retention_days: 0}": "log.retention_days is 0: it must be a whole number of days",
    "log: {5: 3}": "a key must be a word",
    "thresholds: {idle: [1, 2]}": "thresholds.idle is [1, 2]: it must be three ascending numbers",
    "thresholds: {idle: [3, 2, 1]}": "thresholds.idle is [3, 2, 1]: it must be three ascending numbers",
    "thresholds: {idle: [1, x, 3]}": "thresholds.idle is [1, 'x', 3]: it must be three ascending numbers",
    "thresholds: {stopped: {warning: 1, error: x, critical: 3}}": "thresholds.stopped.error is 'x': it must be",
    "thresholds: {stopped: {warning: 1, error: 2}}": "thresholds.stopped lacks the key critical",
    "dashboard: {host: example.com}": "dashboard.host is 'example.com': it must be an IP address",
    "dashboard: {port: 80000}": "dashboard.port is 80000: it must be a whole number from 1 to 65535, or 0",
    "dashboard: {allow_remote: maybe}": "dashboard.allow_remote is 'maybe': it must be true or false",
    "cluster_name: ''": "cluster_name is '': it must be a printable name",
    'cluster_name: "a\\nb"': "cluster_name is 'a\\nb': it must be a printable name",
    "clusters: hello": "clusters is 'hello': it must be a list of clusters",
    "clusters: [{tmux: {session: a}}]": "clusters[0] lacks the key name",
    "clusters: [{name: a, tmx: {}}]": "clusters[0].tmx is not known: did you mean tmux?",
    "clusters: [{name: a}, {name: a}]": "clusters is [{'name': 'a'}, {'name': 'a'}]: it must be a list",
    "channels: {email: {password: [geheim]}}": "channels.email.password is (hidden): it must be the password",
    "channels: {email: {port: high}}": "channels.email.port is 'high': it must be a whole number",
    "channels: {email: {to: someone}}": "channels.email.to is 'someone': it must be email addresses",
    "channels: {email: {ca_file: /no/such/file}}": "channels.email.ca_file is '/no/such/file': it must be the path of",
    "channels: {email: {host: 169.254.169.254}}": "channels.email.host is '169.254.169.254': it must be the host name",
    "channels: geheim": "channels is (hidden): it must be a section with the keys slack, email, webhook,",
    "channels: {slack: 'https://x/geheim'}": "channels.slack is (hidden): it must be a section",
    "channels: {slack: {webhook_url: 'ftp://x/geheim'}}": "channels.slack.webhook_url is (hidden): it must be the http",
    "channels: {slack: {webhook_url: 'http://169.254.169.254/geheim'}}": "not at a link-local or metadata address",
    "channels: {more: geheim}": "channels.more is (hidden): it must be a list of channels",
    "channels: {more: [{name: x}]}": "channels.more[0]: it must have exactly one of the keys slack, email, webhook,",
    "maintenance: [{}]": "maintenance[0]: it must say when (hours, days) or of what (cluster, role, agent, rule)",
    "maintenance: [{reason: x, zone: UTC}]": "maintenance[0]: it must say when (hours, days) or of what",
    "notify: {logs_url: 'http://x/{agnt}'}": "notify.logs_url is 'http://x/{agnt}': it must be an http or",
    "notify: {trace_url: 'http://x/{agent'}": "notify.trace_url is 'http://x/{agent': it must be an http or https URL",
    "notify: {dashboard_url: 'javascript:x'}": "notify.dashboard_url is 'javascript:x': it must be",
    "channels: {more: [{name: slack, slack: {webhook_url: 'https://x/geheim'}}]}": (
        "channels.more[0].name is 'slack': it must be a name that no other channel has"
    ),
    "channels: {pager: {}}": "channels.pager is not known; known here: slack, email, webhook, alertmanager, apprise",
    "routes: [{channels: pager}]": "routes[0].channels is 'pager': it must be one of slack, email, webhook,",
    "routes: [{hours: 9-5}]": "routes[0].hours is '9-5': it must be hours as in 22:00-06:00",
    "routes: [{days: someday}]": "routes[0].days is 'someday': it must be days as in mon-fri",
    "maintenance: [{zone: Mars}]": "maintenance[0].zone is 'Mars': it must be a time zone such as Asia/Tokyo",
    "rules: {agent_idle: {thresholds: [3, 2, 1]}}": "rules.agent_idle.thresholds is [3, 2, 1]: it must be three",
    "rules: {agent_idel: {}}": "rules.agent_idel is not known: did you mean agent_idle?",
    "rules: {agent_stopped: {thresholds: 1}}": "rules.agent_stopped.thresholds is not known",
    "rules: {agent_stopped: {level: loud}}": "rules.agent_stopped.level is 'loud': it must be one of info, warning,",
    "overrides: [{agent: x}]": "overrides[0] lacks the key rules",
    "overrides: [{agent: x, rules: {agent_idle: {for: -1}}}]": "overrides[0].rules.agent_idle.for is -1: it must be",
    "notify: {language: de}": "notify.language is 'de': it must be en or ja",
    "deadman: geheim": "deadman is (hidden): it must be a section with the keys url",
    "history: {retention_days: 0}": "history.retention_days is 0: it must be a whole number of days",
    "a: b: c": "line 1: isn't YAML as meant: mapping values are not allowed here",
    "profile: staging\nprofile: production": "line 2: isn't YAML as meant: the key 'profile' stands twice",
    "- a": "must hold «key: value» lines, but is a list",
    "just words": "must hold «key: value» lines, but is a str",
    "5: 3": "a key must be a word",
    "!!python/object:os.system {}": "isn't YAML as meant",
    "x: \x00": "isn't YAML: unacceptable character",
    "[" * 5000: "is nested too deeply",
}


@pytest.mark.parametrize(("text", "says"), WRONG_FILES.items(), ids=range(len(WRONG_FILES)))
def test_a_wrong_file_gives_one_line_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, says: str
) -> None:
    line = refused(tmp_path, text)
    assert line.startswith(str(tmp_path / NAME))
    assert says in line
    assert "geheim" not in line


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ORCHESTRATOR_CHECK_INTERVAL", "abc", "(check_interval) is 'abc': it must be a number of seconds"),
        ("ORCHESTRATOR_THRESHOLDS_IDLE", "1,2,x", "(thresholds.idle) is '1,2,x': it must be three ascending numbers"),
        ("ORCHESTRATOR_DASHBOARD_PORT", "http", "(dashboard.port) is 'http': it must be a whole number"),
        ("ORCHESTRATOR_PROFILE", "test", "(profile) is 'test': it must be one of"),
        ("ORCHESTRATOR_LOG_LEVEL", "LOUD", "(log.level) is 'LOUD': it must be one of"),
        ("ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE", "2", "(dashboard.allow_remote) is '2': it must be true or false"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str, says: str) -> None:
    assert refused(tmp_path, environ={variable: value}).startswith(f"{variable} {says}")


def test_a_wrong_flag_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, check_interval="soon").startswith("--check_interval (check_interval) is 'soon'")


HIDDEN: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    (
        "dashboard: {port: http}",
        {},
        {"dashboard__port": "0"},
        "FILE: dashboard.port is 'http': it must be a whole number",
    ),
    ("log: 5", {}, {"log__level": "debug"}, "FILE: log is 5: it must be a section with the keys level, dir"),
    ("profile: prod", {"ORCHESTRATOR_PROFILE": "staging"}, {}, "FILE: profile is 'prod': it must be one of"),
    ("check_interval: 0", {}, {"check_interval": "5"}, "FILE: check_interval is 0: it must be a number of seconds"),
    (
        "thresholds: {stopped: {warning: 1, error: 2}}",
        {"ORCHESTRATOR_THRESHOLDS_STOPPED": "1,2,3"},
        {},
        "FILE: thresholds.stopped lacks the key critical",
    ),
    (
        "channels: {slack: {webhook_url: 'ftp://geheim'}}",
        {"SLACK_WEBHOOK_URL": "https://hooks.test/geheim"},
        {},
        "FILE: channels.slack.webhook_url is (hidden): it must be the http",
    ),
    (
        "",
        {"ORCHESTRATOR_CHECK_INTERVAL": "soon"},
        {"check_interval": "5"},
        "ORCHESTRATOR_CHECK_INTERVAL (check_interval) is 'soon': it must be a number of seconds",
    ),
    (
        "check_interval: slow",
        {"ORCHESTRATOR_CHECK_INTERVAL": "soon"},
        {"check_interval": "never"},
        "--check_interval (check_interval) is 'never': it must be",
    ),
]


@pytest.mark.parametrize(("text", "environ", "flags", "says"), HIDDEN, ids=range(len(HIDDEN)))
def test_a_wrong_value_is_told_though_another_hides_it(
    tmp_path: Path, text: str, environ: dict[str, str], flags: dict[str, str], says: str
) -> None:
    line = refused(tmp_path, text, environ, **flags)
    assert line.startswith(says.replace("FILE", str(tmp_path / NAME)))
    assert "geheim" not in line


def test_what_goes_together_is_judged_by_what_is_in_force(tmp_path: Path) -> None:
    """A part in the file and its other part in the environment make a whole."""
    text = "dashboard: {tls_cert: /a.pem}\nchannels: {email: {host: m.test, to: a@b.test, user: u, security: none}}"
    environ = {"ORCHESTRATOR_DASHBOARD_TLS_KEY": "/a.key", "SMTP_PASSWORD": "geheim", "SMTP_SECURITY": "tls"}
    settings = loaded(tmp_path, text, environ).settings
    assert (settings.dashboard.tls_cert, settings.dashboard.tls_key) == (Path("/a.pem"), Path("/a.key"))
    assert getattr(settings.channels, "email").is_on()  # noqa: B009 - its fields come from the channels there are


TOKEN = "geheim-geheim-geheim"
APART: list[tuple[str, dict[str, str], str]] = [
    (
        "",
        {"ORCHESTRATOR_DASHBOARD_TLS_CERT": "/x"},
        (
            "ORCHESTRATOR_DASHBOARD_TLS_KEY (dashboard.tls_key) is missing: ORCHESTRATOR_DASHBOARD_TLS_CERT "
            "(dashboard.tls_cert) is set, and a certificate and its key belong together"
        ),
    ),
    (
        "dashboard: {tls_key: /x}",
        {"ORCHESTRATOR_DASHBOARD_PORT": "0"},
        "FILE: dashboard.tls_cert is missing: dashboard.tls_key is set, and a certificate and its key belong together",
    ),
    (
        "dashboard: {token_file: /x}",
        {"ORCHESTRATOR_DASHBOARD_TOKEN": TOKEN},
        (
            "ORCHESTRATOR_DASHBOARD_TOKEN (dashboard.token) and FILE: dashboard.token_file are both set: "
            "one of them must go"
        ),
    ),
    (
        "channels: {email: {host: m.test, to: a@b.test, password: geheim}}",
        {},
        "FILE: channels.email.password is set and channels.email.user is not: a login needs both",
    ),
    (
        "channels: {email: {host: m.test, to: a@b.test}}",
        {"SMTP_USER": "u"},
        "SMTP_USER (channels.email.user) is set and SMTP_PASSWORD (channels.email.password) is not: a login needs both",
    ),
    (
        "channels: {email: {host: m.test, to: a@b.test, user: u, password: geheim}}",
        {"SMTP_SECURITY": "none"},
        "SMTP_SECURITY (channels.email.security) is none: the password would cross the network for all to read",
    ),
    (
        "channels: {more: [{name: m, email: {host: m.test, to: a@b.test, user: u}}]}",
        {"SMTP_PASSWORD": "geheim"},
        "FILE: channels.more[0].email.user is set and channels.more[0].email.password is not: a login needs both",
    ),
    (
        "process: {agents: [{name: a, unit: a}, {name: a, unit: b}]}",
        {},
        "FILE: process: two agents are called 'a': each needs a name of its own",
    ),
]


@pytest.mark.parametrize(("text", "environ", "says"), APART, ids=range(len(APART)))
def test_settings_that_dont_go_together_are_named_with_where_each_stands(
    tmp_path: Path, text: str, environ: dict[str, str], says: str
) -> None:
    assert refused(tmp_path, text, environ) == says.replace("FILE", str(tmp_path / NAME))


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    assert len(refused(tmp_path, f"check_interval: {'x' * 10_000}")) < len(str(tmp_path)) + 250


def test_a_settings_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    line = refused(tmp_path, environ={"ORCHESTRATOR_CONFIG": "gone.yaml"})
    assert line == f"{tmp_path / 'gone.yaml'}: can't be read: No such file or directory"


def test_a_folder_and_bytes_are_no_settings_file(tmp_path: Path) -> None:
    assert "Is a directory" in refused(tmp_path, environ={"ORCHESTRATOR_CONFIG": str(tmp_path)})
    (tmp_path / "bytes").write_bytes(b"profile: \xff")
    assert "isn't UTF-8 text (byte 9)" in refused(tmp_path, environ={"ORCHESTRATOR_CONFIG": "bytes"})
    (tmp_path / "big").write_bytes(b"# " + b"x" * 1_000_000)
    assert "is larger than 1000 kB" in refused(tmp_path, environ={"ORCHESTRATOR_CONFIG": "big"})


def test_flags_over_environment_over_file_over_profile_over_default(tmp_path: Path) -> None:
    text = "profile: production\ncheck_interval: 7\nmax_idle_time: 8\nlog: {level: warning}"
    environ = {"ORCHESTRATOR_MAX_IDLE_TIME": "9", "ORCHESTRATOR_LOG_LEVEL": "ERROR"}
    got = loaded(tmp_path, text, environ, log__level="debug")
    settings = got.settings
    assert (settings.check_interval, settings.max_idle_time, settings.log.level) == (7.0, 9.0, "debug")
    assert (settings.log.retention_days, settings.agent_timeout) == (90, 60.0)
    kinds = {key: str(got.origins[tuple(key.split("."))]) for key in ("check_interval", "max_idle_time", "log.level")}
    assert kinds == {
        "check_interval": f"file {tmp_path / NAME}",
        "max_idle_time": "environment ORCHESTRATOR_MAX_IDLE_TIME",
        "log.level": "flag --log__level",
    }
    assert str(got.origins["log", "retention_days"]) == "profile production"
    assert got.origins["agent_timeout",].kind is Kind.DEFAULT
    assert got.origins.keys() == KNOWN.keys()


@pytest.mark.parametrize(
    ("profile", "interval", "days"), [("development", 10, 7), ("staging", 5, 30), ("production", 5, 90)]
)
def test_a_profile_sets_interval_and_retention(tmp_path: Path, profile: str, interval: int, days: int) -> None:
    settings = loaded(tmp_path, environ={"ORCHESTRATOR_PROFILE": profile.title()}).settings
    assert (settings.check_interval, settings.log.retention_days) == (interval, days)
    assert (str(settings.idle_ladder), str(settings.thresholds.restarts), str(settings.thresholds.stopped)) == (
        "300/600/900",
        "3/5/10",
        "1/2/3",
    )


def test_an_interval_outside_the_recommended_span_is_allowed_and_noted(tmp_path: Path) -> None:
    got = loaded(tmp_path, environ={"ORCHESTRATOR_CHECK_INTERVAL": "1"})
    assert got.settings.check_interval == 1.0
    assert got.note_on_interval() == "checking every 1 s; for development, 10 to 30 s is recommended"
    assert not loaded(tmp_path).note_on_interval()


def test_the_idle_ladder_follows_max_idle_time_unless_it_is_given(tmp_path: Path) -> None:
    assert str(loaded(tmp_path, "max_idle_time: 60").settings.idle_ladder) == "60/120/180"
    text = "max_idle_time: 60\nthresholds: {idle: {warning: 1, error: 2, critical: 2}}"
    assert str(loaded(tmp_path, text).settings.idle_ladder) == "1/2/2"
    assert str(loaded(tmp_path, environ={"ORCHESTRATOR_THRESHOLDS_IDLE": "5, 6,7"}).settings.idle_ladder) == "5/6/7"


def test_an_unknown_variable_is_one_warning_with_the_near_miss(tmp_path: Path) -> None:
    got = loaded(tmp_path, environ={"ORCHESTRATOR_CHECK_INTERVALL": "5", "ORCHESTRATOR_COLLECTOR_HOST": "::1"})
    assert got.warnings == (
        "ORCHESTRATOR_CHECK_INTERVALL is not known and has no effect: did you mean ORCHESTRATOR_CHECK_INTERVAL?",
    )


def test_an_empty_variable_is_an_unset_one(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"ORCHESTRATOR_CHECK_INTERVAL": ""}).settings.check_interval == 10.0


def test_several_clusters_come_from_the_file_with_paths_from_its_folder(tmp_path: Path) -> None:
    text = "clusters:\n- {name: 1, tmux: {session: 2}, file: ~/x.yaml}\n- {name: b, file: y.yaml}\nstate_dir: state"
    got = loaded(tmp_path, text, {"ORCHESTRATOR_TMUX_SESSION": "x"})
    first, second = got.settings.clusters
    assert (first.name, first.tmux.session, second.file) == ("1", "2", tmp_path / "y.yaml")
    assert first.file == Path("~/x.yaml").expanduser()
    assert got.settings.state_dir == tmp_path / "state"
    assert got.warnings == (
        "ORCHESTRATOR_TMUX_SESSION (tmux.session) has no effect: the list `clusters` says what is watched",
    )


def test_the_file_is_looked_for_here_and_then_in_the_configuration_folder(tmp_path: Path) -> None:
    (tmp_path / "orchestrator-telemetry").mkdir()
    (tmp_path / "orchestrator-telemetry" / "config.yaml").write_text("check_interval: 11")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert loaded(tmp_path, environ=environ).settings.check_interval == 11.0
    assert loaded(tmp_path, "check_interval: 12", environ).settings.check_interval == 12.0
    assert loaded(tmp_path, "", environ).file == tmp_path / NAME


def test_state_and_logs_follow_the_base_directories(tmp_path: Path) -> None:
    plain = loaded(tmp_path).settings
    assert plain.state_dir == tmp_path / ".local/state/orchestrator-telemetry"
    assert plain.log_dir == plain.state_dir / "logs"
    moved = loaded(tmp_path, environ={"XDG_STATE_HOME": "/var/state", "ORCHESTRATOR_LOG_DIR": "/var/log/x"}).settings
    assert (moved.state_dir, moved.log_dir) == (Path("/var/state/orchestrator-telemetry"), Path("/var/log/x"))
    relative = loaded(tmp_path, environ={"XDG_STATE_HOME": "relative"}).settings
    assert relative.state_dir == plain.state_dir


def test_a_dotenv_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ORCHESTRATOR_CHECK_INTERVAL=99\n")
    monkeypatch.chdir(tmp_path)
    assert loaded(tmp_path).settings.check_interval == 10.0


def test_a_variable_that_happens_to_be_called_like_a_setting_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROFILE", "BACKENDS", "CHECK_INTERVAL", "log", "CLUSTERS"):
        monkeypatch.setenv(name, "loki,wrong")
    settings = loaded(tmp_path, environ={"BACKENDS": "loki"}).settings
    assert (settings.profile, settings.backends, settings.check_interval) == ("development", ("loki",), 10.0)


def test_every_variable_is_ours_or_the_seeds() -> None:
    seeds = {"BACKENDS", "SLACK_WEBHOOK_URL", "SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "ALERT_EMAIL_TO"}
    further = {"SMTP_FROM", "SMTP_SECURITY", "SMTP_CA_FILE", "ALERTMANAGER_URL", "APPRISE_URLS", "CLAUDE_CONFIG_DIR"}
    assert {name for name in VARIABLES if not name.startswith("ORCHESTRATOR_")} == seeds | further
    assert len(VARIABLES) == sum(bool(known.about.variable) for known in KNOWN.values())


def test_backends_are_names_joined_by_commas(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"BACKENDS": "prometheus, loki"}).settings.backends == ("prometheus", "loki")
    assert loaded(tmp_path, "backends: [debug]").settings.backends == ("debug",)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"SMTP_HOST": "mail.example"}, "the channel email is off: ALERT_EMAIL_TO is not set"),
        ({"ALERT_EMAIL_TO": "a@b.example"}, "the channel email is off: SMTP_HOST is not set"),
        ({"ORCHESTRATOR_WEBHOOK_SECRET": "geheim"}, "the channel webhook is off: ORCHESTRATOR_WEBHOOK_URL is not set"),
    ],
)
def test_a_channel_that_lacks_something_says_so(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    assert loaded(tmp_path, environ=environ).warnings == (says,)
