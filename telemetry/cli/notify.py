"""`orchestrator-telemetry notify …`: whether people would be told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry.cli import asking
from telemetry.cli import options as opt
from telemetry.cli.screen import draw, duration, print_json

if TYPE_CHECKING:
    from telemetry.settings import Settings
    from telemetry.store import Kept

HELP = """Try the channels by which people are told, and see what waits there.

\b
Examples:
  orchestrator-telemetry notify test            # every channel that is on
  orchestrator-telemetry notify test slack
  orchestrator-telemetry notify status

A channel is on when what it needs is set: SLACK_WEBHOOK_URL; SMTP_HOST and ALERT_EMAIL_TO; ORCHESTRATOR_WEBHOOK_URL;
ALERTMANAGER_URL; APPRISE_URLS. More of them, and who is told of what, in a settings file (see `config`).

Exit codes: 0 done, 1 a channel did not deliver, or none is on, 2 a setting is wrong.
"""

app = typer.Typer(name="notify", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.command("test")
def try_channels(
    channel: Annotated[str | None, typer.Argument(metavar="[CHANNEL]", help="Its name; left out: all.")] = None,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    json: AsJson = False,
) -> None:
    """Send a real message that is marked as a test, and print what the server answered.

    The monitor that runs with the state folder sends it; without one, this command does, by its own settings.
    """
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    try:
        results = asking.Daemon(settings.state_dir).post("/api/notifications/test", channel=channel)["results"]
    except asking.NoDaemonError as error:
        opt.say(f"{error}: sending from here")
        results = _from_here(settings, channel)
    if json:
        print_json({"results": results})
    else:
        for result in results:
            print(f"{result['channel']}: {'delivered' if result['delivered'] else 'NOT delivered'}: {result['said']}")
    if not results:
        opt.fail("no channel is on: `notify --help` says what each needs")
    if not all(result["delivered"] for result in results):
        raise typer.Exit(1)


def _from_here(settings: Settings, channel: str | None) -> list[dict[str, Any]]:
    from telemetry.notify.base import DeliveryError, Notifier, Surroundings
    from telemetry.notify.plan import test_message
    from telemetry.paging_plan import notifiers_of
    from telemetry.settings import SettingsError

    notify = settings.notify
    try:
        notifiers = notifiers_of(
            settings, Surroundings(notify.language, notify.dashboard_url, notify.logs_url, notify.trace_url)
        )
    except SettingsError as error:
        opt.fail(str(error), opt.BAD_SETTINGS)
    if channel is not None and channel not in notifiers:
        on = f"on are: {', '.join(notifiers)}" if notifiers else "none is on"
        opt.fail(f"no channel that is on is named {channel!r}; {on}")

    async def one(name: str, notifier: Notifier) -> dict[str, Any]:
        try:
            async with asyncio.timeout(notifier.timeout):
                said, delivered = await notifier.send(test_message(name, time.time())), True
        except TimeoutError:
            said, delivered = f"no answer within {notifier.timeout:g} s", False
        except DeliveryError as error:
            said, delivered = str(error), False
        await notifier.close()
        return {"channel": name, "delivered": delivered, "said": said}

    async def all_of_them() -> list[dict[str, Any]]:
        chosen = notifiers if channel is None else {channel: notifiers[channel]}
        return list(await asyncio.gather(*(one(name, notifier) for name, notifier in chosen.items())))

    return asyncio.run(all_of_them())


@app.command()
def status(*, config: opt.ConfigFile = None, state_dir: opt.StateDir = None, json: AsJson = False) -> None:
    """How it is with each channel: what waits, what is being sent, what could not be delivered."""
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    try:
        found = asking.Daemon(settings.state_dir).get("/api/notifications")
    except asking.NoDaemonError as error:
        found = {"channels": _left_waiting(settings, asking.kept(settings, error))}
    if json:
        print_json(found)
        return
    if not found["channels"]:
        print("no channel is on: `notify --help` says what each needs")
        return
    now = time.time()
    rows = [
        (
            held["channel"],
            "on" if held["on"] else "off",
            f"{duration(now - held['delivered_at'])} ago" if held["delivered_at"] else "–",
            str(held["waiting"]),
            _sending(held["sending"], now),
            str(len(held["failed"])),
        )
        for held in found["channels"]
    ]
    draw(("CHANNEL", "IS", "DELIVERED", "WAITING", "SENDING", "FAILED"), rows, {"off": "dim"})
    for held in found["channels"]:
        for message in held["failed"][-3:]:
            print(f"  {held['channel']}: not delivered: {'; '.join(message['alerts'][:3])}: {message['error']}")


def _left_waiting(settings: Settings, kept: Kept) -> list[dict[str, Any]]:
    """What a monitor that has ended had not delivered, in the form in which one that runs says it."""
    from telemetry.notify.delivery import ChannelStatus
    from telemetry.paging_plan import channels_on
    from telemetry.web import views

    on = channels_on(settings)
    names = dict.fromkeys([*on, *(n.channel for n in kept.notices), *(m.message.channel for m in kept.messages)])
    found = []
    for name in names:
        messages = [held for held in kept.messages if held.message.channel == name]
        waiting = sum(held.channel == name for held in kept.notices)
        sending = next((held for held in messages if not held.failed), None)
        failed = tuple(held for held in messages if held.failed)
        found.append(views.channel(ChannelStatus(name, name in on, waiting, sending, failed, None)))
    return found


def _sending(message: dict[str, Any] | None, now: float) -> str:
    if message is None:
        return "–"
    if not message["error"]:
        return "now"
    return f"attempt {message['attempts'] + 1} in {duration(message['next_at'] - now)}: {message['error']}"
