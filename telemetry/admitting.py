"""Who is let in, by the settings: the tokens, those in the state folder's file, and the certificate of the server."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from telemetry.clock import Clock
from telemetry.settings import Dashboard, Settings, SettingsError
from telemetry.web.access import Access
from telemetry.web.identity import Role
from telemetry.web.keyring import Keyring, TokenFile
from telemetry.web.tokens import Token, TokenError, checked, digest_of, parse

TOKENS = "tokens"
"""The file in the state folder that `token new` writes."""


def access_of(settings: Settings, clock: Clock, complain: Callable[[str], None] = lambda _: None) -> Access:
    """Who is let in.

    Args:
        settings: The settings.
        clock: Tells the time.
        complain: Told in one line when a file of tokens can't be used any more.

    Raises:
        SettingsError: A file of tokens can't be used; one line, without any secret.
    """
    given = settings.dashboard
    ours = [
        *_one("dashboard", Role.OPERATE, given.token),
        *_one("dashboard-read", Role.READ, given.read_token),
    ]
    files = [
        *_file("dashboard", Role.OPERATE, given.token_file, "ORCHESTRATOR_DASHBOARD_TOKEN_FILE"),
        *_file("dashboard-read", Role.READ, given.read_token_file, "ORCHESTRATOR_DASHBOARD_READ_TOKEN_FILE"),
        own_file(settings.state_dir),
    ]
    try:
        keyring = Keyring(ours, files, complain)
        metrics = Keyring(
            list(_one("metrics", Role.READ, given.metrics_token)),
            list(_file("metrics", Role.READ, given.metrics_token_file, "ORCHESTRATOR_METRICS_TOKEN_FILE")),
            complain,
        )
    except TokenError as error:
        raise SettingsError(str(error)) from None
    return Access(clock, keyring, metrics)


def own_file(state_dir: Path) -> TokenFile:
    """That of the state folder."""
    return TokenFile(state_dir / TOKENS, parse, may_lack=True)


def _one(name: str, role: Role, secret: SecretStr | None) -> list[Token]:
    return [] if secret is None else [Token(name, role, digest_of(secret.get_secret_value()))]


def _file(name: str, role: Role, path: Path | None, variable: str) -> list[TokenFile]:
    return [] if path is None else [TokenFile(path, partial(_alone, name, role), variable)]


def _alone(name: str, role: Role, text: str) -> tuple[Token, ...]:
    return (Token(name, role, digest_of(checked(text))),)


def certificate(dashboard: Dashboard) -> ssl.SSLContext | None:
    """What https is served with, TLS 1.2 or later; None: http.

    Raises:
        SettingsError: The files can't be used; one line.
    """
    if dashboard.tls_cert is None or dashboard.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, dashboard.tls_cert, dashboard.tls_key)
    return context


def renew(context: ssl.SSLContext, dashboard: Dashboard) -> None:
    """Reads the files again: connections that begin from now on see what is there now.

    Raises:
        SettingsError: They can't be used; the certificate stays what it was.
    """
    if dashboard.tls_cert is not None and dashboard.tls_key is not None:
        certificate(dashboard)
        _load(context, dashboard.tls_cert, dashboard.tls_key)


def _load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    for name, path in (("CERT", cert), ("KEY", key)):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise SettingsError(f"ORCHESTRATOR_DASHBOARD_TLS_{name}: {path} can't be read: {error.strerror}") from None
    try:
        context.load_cert_chain(cert, key, password=_none)
    except _LockedKeyError:
        raise SettingsError(
            f"ORCHESTRATOR_DASHBOARD_TLS_KEY: {key} is locked with a passphrase: it must be one without"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(
                f"ORCHESTRATOR_DASHBOARD_TLS_KEY: {key} doesn't belong to the certificate in {cert}"
            ) from None
        raise SettingsError(
            f"ORCHESTRATOR_DASHBOARD_TLS_CERT, …_KEY: {cert} and {key} must be a certificate and its key in PEM"
        ) from None


class _LockedKeyError(Exception):
    pass


def _none() -> str:
    """Instead of a question at the terminal."""
    raise _LockedKeyError
