"""What is said when a channel is set wrongly: one line, with the key and what is allowed, and no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.notify import BUILTIN
from telemetry.settings import SettingsError, load

MAIL = {"SMTP_HOST": "mail.test", "ALERT_EMAIL_TO": "a@example.org"}
WRONG: list[tuple[dict[str, str], str]] = [
    (
        {"SLACK_WEBHOOK_URL": "http://169.254.169.254/hidden"},
        "SLACK_WEBHOOK_URL .* must be the http or https URL of an",
    ),
    ({"SLACK_WEBHOOK_URL": "hooks.slack.com/hidden"}, "SLACK_WEBHOOK_URL .* must be the http or https URL"),
    ({"ORCHESTRATOR_WEBHOOK_URL": "ftp://x/hidden"}, "ORCHESTRATOR_WEBHOOK_URL .* must be an http or https URL"),
    ({"ALERTMANAGER_URL": "http://[fe80::1]/hidden"}, "ALERTMANAGER_URL .* must be Alertmanager's own http or https"),
    ({"ORCHESTRATOR_DEADMAN_URL": "http://metadata.google.internal/hidden"}, "ORCHESTRATOR_DEADMAN_URL .* must be an"),
    ({**MAIL, "SMTP_PORT": "x"}, "SMTP_PORT .* must be a whole number from 1 to 65535"),
    ({**MAIL, "ALERT_EMAIL_TO": "nobody"}, "ALERT_EMAIL_TO .* must be email addresses, joined by commas"),
    ({**MAIL, "SMTP_SECURITY": "ssl"}, "SMTP_SECURITY .* must be one of starttls, tls, none"),
    ({**MAIL, "SMTP_PASSWORD": "hidden"}, "SMTP_PASSWORD .* is set and SMTP_USER .* is not: a login needs both"),
    (
        {**MAIL, "SMTP_USER": "u", "SMTP_PASSWORD": "hidden", "SMTP_SECURITY": "none"},
        "SMTP_SECURITY .* is none: the password would cross the network",
    ),
]


@pytest.mark.parametrize(("environ", "said"), WRONG)
def test_one_line_says_what_is_wrong(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        load({}, {"HOME": str(tmp_path), **environ}, tmp_path)
    assert "\n" not in str(caught.value)
    assert "hidden/" not in str(caught.value)
    assert "/hidden" not in str(caught.value)


@pytest.mark.slow
def test_what_a_channel_needs_is_loaded_when_it_sends() -> None:
    program = "import sys, telemetry.notify; print({'httpx', 'aiosmtplib', 'apprise'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_settings_every_channel_is_off() -> None:
    assert [kind.name for kind in BUILTIN] == ["slack", "email", "webhook", "alertmanager", "apprise"]
    assert not any(kind.options().is_on() for kind in BUILTIN)


def test_each_is_on_by_its_variables(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/hidden",
        "ORCHESTRATOR_WEBHOOK_URL": "http://127.0.0.1:1/hidden",
        "ALERTMANAGER_URL": "http://localhost:9093",
        "APPRISE_URLS": "json://localhost,json://127.0.0.1/hidden",
        **MAIL,
    }
    channels = load({}, environ, tmp_path).settings.channels
    assert all(getattr(channels, kind.name).is_on() for kind in BUILTIN)
    assert "hidden" not in repr(channels)
