"""Tokens and certificates as the settings name them: what can be used, and the one line where it can't."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from telemetry import admitting
from telemetry.cli.config import app as config
from telemetry.settings import Dashboard, SettingsError, load
from telemetry.testing import FakeClock
from telemetry.web.access import Access
from telemetry.web.identity import Role
from telemetry.web.tokens import Token

SECRET = "a-token-of-somebody"
OTHER = "another-ones-secret"


def _access(tmp_path: Path, **environ: str) -> Access:
    given = {"HOME": str(tmp_path), "ORCHESTRATOR_STATE_DIR": str(tmp_path), **environ}
    return admitting.access_of(load(environ=given, cwd=tmp_path).settings, FakeClock())


def _role(access: Access, token: str) -> Role | None:
    found = access.by_token(token, "192.0.2.1")
    return found.role if isinstance(found, Token) else None


def _secret(tmp_path: Path, text: str, mode: int = 0o600) -> str:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_with_nothing_set_nothing_is_asked_for(tmp_path: Path) -> None:
    access = _access(tmp_path)
    assert not access.asks
    assert not access.metrics_asks


def test_tokens_of_the_environment_have_their_roles(tmp_path: Path) -> None:
    access = _access(tmp_path, ORCHESTRATOR_DASHBOARD_TOKEN=SECRET, ORCHESTRATOR_DASHBOARD_READ_TOKEN=OTHER)
    assert access.asks
    assert (_role(access, SECRET), _role(access, OTHER), _role(access, "x" * 20)) == (Role.OPERATE, Role.READ, None)


@pytest.mark.parametrize(
    ("variable", "role"),
    [("ORCHESTRATOR_DASHBOARD_TOKEN_FILE", Role.OPERATE), ("ORCHESTRATOR_DASHBOARD_READ_TOKEN_FILE", Role.READ)],
)
def test_a_secret_in_a_file_holds_and_so_does_its_successor(tmp_path: Path, variable: str, role: Role) -> None:
    access = _access(tmp_path, **{variable: _secret(tmp_path, f"{SECRET}\n")})
    assert _role(access, SECRET) is role
    _secret(tmp_path, OTHER)
    assert (_role(access, SECRET), _role(access, OTHER)) == (None, role)


def test_metrics_alone(tmp_path: Path) -> None:
    for given in (
        {"ORCHESTRATOR_METRICS_TOKEN": SECRET},
        {"ORCHESTRATOR_METRICS_TOKEN_FILE": _secret(tmp_path, SECRET)},
    ):
        access = _access(tmp_path, **given)
        assert (access.asks, access.metrics_asks) == (False, True)
        assert _role(access, SECRET) is None
        assert isinstance(access.by_token(SECRET, "192.0.2.1", metrics=True), Token)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("short", 0o600, "what it holds must be a token of 16 to 512 visible ASCII characters"),
        ("", 0o600, "what it holds must be a token"),
        (SECRET, 0o644, "may be read by everybody (rights 0644): chmod 600"),
        ("two words of a secret", 0o600, "without blanks"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_that_names_it(tmp_path: Path, text: str, mode: int, said: str) -> None:
    for variable in ("ORCHESTRATOR_DASHBOARD_TOKEN_FILE", "ORCHESTRATOR_METRICS_TOKEN_FILE"):
        with pytest.raises(SettingsError) as told:
            _access(tmp_path, **{variable: _secret(tmp_path, text, mode)})
        line = str(told.value)
        assert line.startswith(f"{variable}: {tmp_path / 'secret'}")
        assert said in line
        assert "\n" not in line
        assert not text or text not in line


@pytest.mark.parametrize("variable", ["ORCHESTRATOR_DASHBOARD_TOKEN", "ORCHESTRATOR_METRICS_TOKEN"])
def test_a_token_that_is_too_short_is_one_line_without_it(tmp_path: Path, variable: str) -> None:
    with pytest.raises(SettingsError) as told:
        _access(tmp_path, **{variable: "tooshort"})
    assert variable in str(told.value)
    assert "(hidden): it must be a token of 16 to 512" in str(told.value)
    assert "tooshort" not in str(told.value)


def test_a_token_both_in_the_environment_and_in_a_file_is_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"TOKEN .* and ORCHESTRATOR_DASHBOARD_TOKEN_FILE .* are both set"):
        _access(
            tmp_path,
            ORCHESTRATOR_DASHBOARD_TOKEN=SECRET,
            ORCHESTRATOR_DASHBOARD_TOKEN_FILE=_secret(tmp_path, SECRET),
        )


def test_a_broken_file_of_tokens_is_one_line(tmp_path: Path) -> None:
    (tmp_path / admitting.TOKENS).write_text("what is this\n")
    (tmp_path / admitting.TOKENS).chmod(0o600)
    with pytest.raises(SettingsError, match="tokens: line 1 is no token"):
        _access(tmp_path)


# --- certificates ---------------------------------------------------------------------------------------------------


class Files:
    """A certificate and its key."""

    def __init__(self, folder: Path, name: str = "one") -> None:
        self.authority = trustme.CA()
        made = self.authority.issue_cert("127.0.0.1")
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        self.key.write_bytes(made.private_key_pem.bytes())

    def dashboard(self) -> Dashboard:
        return Dashboard(tls_cert=self.cert, tls_key=self.key)


def test_a_certificate_is_served_by_tls_1_2_or_later(tmp_path: Path) -> None:
    context = admitting.certificate(Files(tmp_path).dashboard())
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert admitting.certificate(Dashboard()) is None


def test_a_certificate_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    good, other = Files(tmp_path), Files(tmp_path, "two")
    junk, locked = tmp_path / "junk", tmp_path / "locked"
    junk.write_text("junk")
    subprocess.run(
        ["openssl", "pkey", "-in", str(good.key), "-aes256", "-passout", "pass:secret", "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    for cert, key, said in (
        (tmp_path / "none", good.key, r"^ORCHESTRATOR_DASHBOARD_TLS_CERT: .*none can't be read: No such file"),
        (good.cert, tmp_path / "none", r"^ORCHESTRATOR_DASHBOARD_TLS_KEY: .*none can't be read: No such file"),
        (good.cert, other.key, "two.key doesn't belong to the certificate in .*one.pem"),
        (junk, good.key, "must be a certificate and its key in PEM"),
        (good.cert, junk, "must be a certificate and its key in PEM"),
        (good.cert, locked, "locked is locked with a passphrase"),
    ):
        with pytest.raises(SettingsError, match=said):
            admitting.certificate(Dashboard(tls_cert=cert, tls_key=key))


def test_one_without_the_other_is_one_line(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "ORCHESTRATOR_DASHBOARD_TLS_CERT": "/x"}
    with pytest.raises(SettingsError, match=r"^ORCHESTRATOR_DASHBOARD_TLS_KEY \(dashboard.tls_key\) is missing"):
        load(environ=environ, cwd=tmp_path)


def test_no_token_stands_in_what_config_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DASHBOARD_TOKEN", "DASHBOARD_READ_TOKEN", "METRICS_TOKEN"):
        monkeypatch.setenv(f"ORCHESTRATOR_{name}", SECRET)
    for arguments in ([], ["--json"]):
        printed = CliRunner().invoke(config, arguments)
        assert printed.exit_code == 0
        assert "ORCHESTRATOR_METRICS_TOKEN" in printed.output
        assert SECRET not in printed.output
