"""The tree of settings: every name, type, bound and default, and nothing about where values come from."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from telemetry.fields import (
    A_DAY,
    A_FOLDER,
    A_NAME,
    A_SECOND,
    A_TOKEN,
    STRICT,
    About,
    Days,
    Name,
    Seconds,
    SomePath,
    TogetherError,
    Whole,
    lower,
    token_fault,
    words,
)
from telemetry.settings.ladder import A_LADDER, Ladder
from telemetry.settings.links import SOME_LINKS, Links, LinkTo
from telemetry.settings.notifying import (
    Channels,
    DeadMan,
    History,
    Maintenance,
    Notify,
    OverrideSetting,
    RouteSetting,
    Rules,
)
from telemetry.settings.places import default_state_dir
from telemetry.sources.claude.options import ClaudeOptions
from telemetry.sources.process.options import ProcessOptions
from telemetry.sources.push.options import PushOptions
from telemetry.sources.tmux.options import TmuxSettings

Profile = Literal["development", "staging", "production"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class Thresholds(BaseModel):
    """From which value each alert level holds."""

    model_config = STRICT
    idle: Annotated[Ladder | None, About(A_LADDER, "ORCHESTRATOR_THRESHOLDS_IDLE")] = None
    """Seconds without activity. Left out: max_idle_time once, twice and three times."""
    restarts: Annotated[Ladder, About(A_LADDER, "ORCHESTRATOR_THRESHOLDS_RESTARTS")] = Ladder(
        warning=3, error=5, critical=10
    )
    stopped: Annotated[Ladder, About(A_LADDER, "ORCHESTRATOR_THRESHOLDS_STOPPED")] = Ladder(
        warning=1, error=2, critical=3
    )
    """How many agents of one cluster do not run."""


AUTO = "auto"
SOURCE_NAMES = ("tmux", "claude", "process", "push")


def _sources(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or len(set(value)) != len(value) or (AUTO in value and len(value) > 1):
        raise ValueError("auto stands alone, and each source once")
    if set(value) - {AUTO, *SOURCE_NAMES}:
        raise ValueError("no source")
    return value


Sources = Annotated[tuple[str, ...], BeforeValidator(words), AfterValidator(_sources)]
A_SOURCE = f"auto, or some of {', '.join(SOURCE_NAMES)}, joined by commas"


class Cluster(BaseModel):
    """One of several clusters to watch; only a settings file has them."""

    model_config = STRICT
    name: Annotated[Name, About(A_NAME)]
    tmux: TmuxSettings = TmuxSettings()
    file: Annotated[SomePath | None, About("the path of the orchestrator's YAML")] = None
    """The orchestrator's own YAML, which names the agents."""
    sources: Annotated[Sources, About(A_SOURCE)] = (AUTO,)
    claude: ClaudeOptions = ClaudeOptions()
    process: ProcessOptions = ProcessOptions()


class Log(BaseModel):
    """The JSON log files."""

    model_config = STRICT
    level: Annotated[
        LogLevel,
        BeforeValidator(lower),
        About("one of debug, info, warning, error, critical", "ORCHESTRATOR_LOG_LEVEL"),
    ] = "info"
    dir: Annotated[SomePath | None, About(A_FOLDER, "ORCHESTRATOR_LOG_DIR")] = None
    """Left out: `logs` in the state folder."""
    retention_days: Annotated[Days, About(A_DAY, "ORCHESTRATOR_LOG_RETENTION_DAYS")] = 7


class SpoolSetting(BaseModel):
    """Logs and spans that the collector did not take yet."""

    model_config = STRICT
    max_mib: Annotated[
        Whole,
        Field(ge=0, le=100_000),
        About("a whole number of MiB from 1 to 100000, or 0 for no spool", "ORCHESTRATOR_SPOOL_MAX_MIB"),
    ] = 64
    """How much they may take in `spool` of the state folder; then the oldest go first. 0: what isn't taken is lost."""


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is not None and (fault := token_fault(value.get_secret_value())):
        raise ValueError(fault)
    return value


A_SECRET_TOKEN = AfterValidator(_token)
A_TOKEN_FILE = "the path of a file that holds a token, which only its owner (and its group) may read"  # noqa: S105 - none


class Dashboard(BaseModel):
    """Where the dashboard, /metrics and the API listen."""

    model_config = STRICT
    host: Annotated[str, About("an IP address of this machine, or localhost", "ORCHESTRATOR_DASHBOARD_HOST")] = (
        "127.0.0.1"
    )
    port: Annotated[
        Whole,
        Field(ge=0, le=65535),
        About("a whole number from 1 to 65535, or 0 for any free port", "ORCHESTRATOR_DASHBOARD_PORT"),
    ] = 8000
    allow_remote: Annotated[bool, About("true or false", "ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE")] = False
    """Listen beyond loopback without a password: only where the network itself is closed, as in a container."""

    allowed_hosts: Annotated[
        tuple[Name, ...],
        BeforeValidator(words),
        About("host names, joined by commas", "ORCHESTRATOR_DASHBOARD_ALLOWED_HOSTS"),
    ] = ()
    """Names, besides localhost, under which a browser may ask for the dashboard."""
    screens: Annotated[bool, About("true or false", "ORCHESTRATOR_DASHBOARD_SCREENS")] = True
    """Show the last lines of an agent's screen to whoever may read."""
    token: Annotated[SecretStr | None, A_SECRET_TOKEN, About(A_TOKEN, "ORCHESTRATOR_DASHBOARD_TOKEN", secret=True)] = (
        None
    )
    """A token with which everything may be done. `token new` makes more, with names, roles and an end."""
    token_file: Annotated[SomePath | None, About(A_TOKEN_FILE, "ORCHESTRATOR_DASHBOARD_TOKEN_FILE")] = None
    """The same from a file, as containers have secrets; read again when it changes."""
    read_token: Annotated[
        SecretStr | None, A_SECRET_TOKEN, About(A_TOKEN, "ORCHESTRATOR_DASHBOARD_READ_TOKEN", secret=True)
    ] = None
    """A token with which everything may be seen."""
    read_token_file: Annotated[SomePath | None, About(A_TOKEN_FILE, "ORCHESTRATOR_DASHBOARD_READ_TOKEN_FILE")] = None
    metrics_token: Annotated[
        SecretStr | None, A_SECRET_TOKEN, About(A_TOKEN, "ORCHESTRATOR_METRICS_TOKEN", secret=True)
    ] = None
    """A token for /metrics alone."""
    metrics_token_file: Annotated[SomePath | None, About(A_TOKEN_FILE, "ORCHESTRATOR_METRICS_TOKEN_FILE")] = None
    tls_cert: Annotated[
        SomePath | None, About("the path of a certificate with its chain, in PEM", "ORCHESTRATOR_DASHBOARD_TLS_CERT")
    ] = None
    """With it and its key, https is served, and nothing else. SIGHUP reads both again."""
    tls_key: Annotated[
        SomePath | None, About("the path of the certificate's key, in PEM", "ORCHESTRATOR_DASHBOARD_TLS_KEY")
    ] = None

    @field_validator("host")
    @classmethod
    def _address(cls, host: str) -> str:
        if host != "localhost":
            ipaddress.ip_address(host)  # raises ValueError
        return host

    @model_validator(mode="after")
    def _together(self) -> Self:
        for name in ("token", "read_token", "metrics_token"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise TogetherError(f"{{{name}}} and {{{name}_file}} are both set: one of them must go")
        if (self.tls_cert is None) != (self.tls_key is None):
            missing, given = ("tls_key", "tls_cert") if self.tls_key is None else ("tls_cert", "tls_key")
            raise TogetherError(
                f"{{{missing}}} is missing: {{{given}}} is set, and a certificate and its key belong together"
            )
        return self

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The host as an address."""
        return ipaddress.ip_address("127.0.0.1" if self.host == "localhost" else self.host)


class Settings(BaseSettings):
    """Everything that can be set. Frozen: a reload makes another one."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )

    profile: Annotated[
        Profile, BeforeValidator(lower), About("one of development, staging, production", "ORCHESTRATOR_PROFILE")
    ] = "development"
    check_interval: Annotated[Seconds, About(A_SECOND, "ORCHESTRATOR_CHECK_INTERVAL")] = 10.0
    """Seconds between two checks."""
    agent_timeout: Annotated[Seconds, About(A_SECOND, "ORCHESTRATOR_AGENT_TIMEOUT")] = 60.0
    """Seconds that a source may take to answer, and an agent may say «busy» without any sign of life."""
    max_idle_time: Annotated[Seconds, About(A_SECOND, "ORCHESTRATOR_MAX_IDLE_TIME")] = 300.0
    """Seconds without activity after which an agent counts as idle."""
    cluster_name: Annotated[Name | None, About(A_NAME, "ORCHESTRATOR_CLUSTER_NAME")] = None
    """Left out: the name in the cluster file, or that of the tmux session."""
    cluster_file: Annotated[
        SomePath | None, About("the path of the orchestrator's YAML", "ORCHESTRATOR_CLUSTER_FILE")
    ] = None
    sources: Annotated[Sources, About(A_SOURCE, "ORCHESTRATOR_SOURCES")] = (AUTO,)
    """Where agents are looked for; the first one named names the cluster. `sources` (the command) says more."""
    tmux: TmuxSettings = TmuxSettings()
    claude: ClaudeOptions = ClaudeOptions()
    process: ProcessOptions = ProcessOptions()
    push: PushOptions = PushOptions()
    clusters: Annotated[
        tuple[Cluster, ...], About("a list of clusters: - {name: …, tmux: {socket: …, session: …}, file: …}")
    ] = ()
    """Several clusters. With it, cluster_name, cluster_file, sources, tmux, claude and process have no meaning."""
    thresholds: Thresholds = Thresholds()
    state_dir: Annotated[SomePath, About(A_FOLDER, "ORCHESTRATOR_STATE_DIR")] = Field(default_factory=default_state_dir)
    log: Log = Log()
    spool: SpoolSetting = SpoolSetting()
    dashboard: Dashboard = Dashboard()
    backends: Annotated[
        tuple[Name, ...], BeforeValidator(words), About("names of backends, joined by commas", "BACKENDS")
    ] = ()
    """What the bundled collector sends to. Empty: the collector's own default, which needs no server."""
    channels: Channels = Channels()
    notify: Notify = Notify()
    routes: Annotated[
        tuple[RouteSetting, ...], About("a list of routes: - {channels: …, level: …, cluster: …, hours: …}")
    ] = ()
    """Left out: everything from notify.level on goes to every channel."""
    rules: Rules = Rules()
    overrides: Annotated[
        tuple[OverrideSetting, ...], About("a list of overrides: - {cluster: …, role: …, agent: …, rules: {…}}")
    ] = ()
    maintenance: Annotated[
        tuple[Maintenance, ...], About("a list of windows: - {hours: …, days: …, cluster: …, reason: …}")
    ] = ()
    deadman: DeadMan = DeadMan()
    history: History = History()
    link_to: LinkTo = LinkTo()
    links: Annotated[Links, About(SOME_LINKS)] = ()
    """Where else to look, shown at each agent and alert, besides what `link_to` brings."""

    @field_validator("clusters")
    @classmethod
    def _distinct(cls, clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
        if len({cluster.name for cluster in clusters}) != len(clusters):
            raise ValueError("two clusters have the same name")
        return clusters

    @property
    def idle_ladder(self) -> Ladder:
        """`thresholds.idle`, or max_idle_time once, twice and three times."""
        unit = self.max_idle_time
        return self.thresholds.idle or Ladder(warning=unit, error=2 * unit, critical=3 * unit)

    @property
    def spool_dir(self) -> Path:
        """`spool` in the state folder."""
        return self.state_dir / "spool"

    @property
    def log_dir(self) -> Path:
        """`log.dir`, or `logs` in the state folder."""
        return self.log.dir or self.state_dir / "logs"
