"""`hooks install|print|remove`: ours go in and out, and of all else not a byte moves."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from telemetry.cli.hooks import app
from telemetry.hooks import entries as hooks
from telemetry.hooks.json_text import JsonTextError

URL = "http://127.0.0.1:8000/api/hooks/claude"
OTHER_URL = "http://127.0.0.1:9000/api/hooks/claude"
TWO = ("Stop", "SessionEnd")

MODEL_ONLY = """{
    "model": "opus",
    "permissions": {"allow": ["Bash(git *)", "Read"],
       "deny": []},
    "note": "Größe \\u00e9"
}
"""
WITH_HOOKS = """{
\t"hooks": {
\t\t"Stop": [
\t\t\t{"matcher": "", "hooks": [{"type": "command", "command": "say done"}]}
\t\t],
\t\t"PreToolUse": [ {"matcher": "Bash", "hooks": [ {"type": "http", "url": "http://127.0.0.1:1/check"} ]} ]
\t},
\t"model": "opus"
}"""
PACKED = '{"model":"opus","hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}'
WINDOWS = MODEL_ONLY.replace("\n", "\r\n")
FILES = {
    "model": MODEL_ONLY,
    "hooks": WITH_HOOKS,
    "packed": PACKED,
    "windows": WINDOWS,
    "mark": "\ufeff" + MODEL_ONLY,
    "empty object": "{}\n",
    "blanks": "\n\n  {\n}\n",
}


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_out_again_is_as_if_they_had_never_been_there(before: str) -> None:
    there = hooks.installed(before, URL, hooks.EVENTS)
    assert hooks.installed(there, URL, hooks.EVENTS) == there, "twice is once"
    after = hooks.removed(there)
    assert after == before if before.strip() != "{\n}" else json.loads(after) == {}
    known = json.loads(there.removeprefix("\ufeff"))
    for event in hooks.EVENTS:
        assert {"type": "http", "url": URL, "timeout": 1} in [h for g in known["hooks"][event] for h in g["hooks"]]
    if "\r\n" in before:
        assert "\n" not in there.replace("\r\n", "")


def test_they_stand_behind_what_is_there_indented_as_it_is() -> None:
    assert (
        hooks.installed(WITH_HOOKS, URL, TWO)
        == """{
\t"hooks": {
\t\t"Stop": [
\t\t\t{"matcher": "", "hooks": [{"type": "command", "command": "say done"}]},
\t\t\t{
\t\t\t\t"hooks": [
\t\t\t\t\t{
\t\t\t\t\t\t"type": "http",
\t\t\t\t\t\t"url": "http://127.0.0.1:8000/api/hooks/claude",
\t\t\t\t\t\t"timeout": 1
\t\t\t\t\t}
\t\t\t\t]
\t\t\t}
\t\t],
\t\t"PreToolUse": [ {"matcher": "Bash", "hooks": [ {"type": "http", "url": "http://127.0.0.1:1/check"} ]} ],
\t\t"SessionEnd": [
\t\t\t{
\t\t\t\t"hooks": [
\t\t\t\t\t{
\t\t\t\t\t\t"type": "http",
\t\t\t\t\t\t"url": "http://127.0.0.1:8000/api/hooks/claude",
\t\t\t\t\t\t"timeout": 1
\t\t\t\t\t}
\t\t\t\t]
\t\t\t}
\t\t]
\t},
\t"model": "opus"
}"""
    )


def test_a_file_in_one_line_stays_in_one_line() -> None:
    assert hooks.installed(PACKED, URL, ("Stop",)) == (
        '{"model":"opus","hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]},'
        '{"hooks":[{"type":"http","url":"http://127.0.0.1:8000/api/hooks/claude","timeout":1}]}]}}'
    )


def test_another_address_replaces_the_address_and_what_somebody_added_stays() -> None:
    there = hooks.installed(MODEL_ONLY, URL, TWO).replace('"timeout": 1', '"timeout": 3, "headers": {"x": "y"}')
    moved = hooks.installed(there, OTHER_URL, TWO)
    assert moved == there.replace(URL, OTHER_URL)
    assert hooks.installed(moved, OTHER_URL + "?cluster=a", TWO) == there.replace(URL, OTHER_URL + "?cluster=a")


SHOWN = {"headers": {"Authorization": "Bearer $ORCHESTRATOR_TOKEN"}, "allowedEnvVars": ["ORCHESTRATOR_TOKEN"]}


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_a_token_is_named_and_never_written_and_goes_with_the_entry(before: str) -> None:
    plain = hooks.installed(before, URL, TWO)
    for text in (hooks.installed(before, URL, TWO, token=True), hooks.installed(plain, URL, TWO, token=True)):
        for event in TWO:
            group = json.loads(text.removeprefix("\ufeff"))["hooks"][event][-1]
            assert group["hooks"] == [{"type": "http", "url": URL, "timeout": 1, **SHOWN}]
        assert hooks.installed(text, URL, TWO, token=True) == text
        assert hooks.installed(text, URL, TWO) == text  # what is there stays
        assert hooks.removed(text) == hooks.removed(plain)


def test_headers_that_somebody_wrote_stay() -> None:
    theirs = json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "http", "url": URL, "headers": {"X": "y"}}]}]}})
    assert hooks.installed(theirs, URL, ("Stop",), token=True) == theirs


def test_a_settings_file_that_keeps_the_token_back_is_named() -> None:
    (line,) = hooks.obstacles('{"httpHookAllowedEnvVars": ["OTHER"]}', URL, token=True)
    assert line == "httpHookAllowedEnvVars there doesn't allow ORCHESTRATOR_TOKEN: hooks are sent without a token"
    assert not hooks.obstacles('{"httpHookAllowedEnvVars": ["OTHER"]}', URL)
    assert not hooks.obstacles('{"httpHookAllowedEnvVars": ["ORCHESTRATOR_TOKEN"]}', URL, token=True)


def test_the_token_is_named_where_it_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_TOKEN", "ort_secret")
    for arguments, there in (([], True), (["--no-token"], False)):
        printed = command("print", "--events", "Stop", *arguments).stdout
        assert ("$ORCHESTRATOR_TOKEN" in printed) is there
        assert "ort_secret" not in printed


def test_fewer_events_take_the_others_out() -> None:
    there = hooks.installed(WITH_HOOKS, URL, hooks.EVENTS)
    assert hooks.installed(there, URL, TWO) == hooks.installed(WITH_HOOKS, URL, TWO)


def test_ours_among_others_in_one_group_goes_alone() -> None:
    text = '{"hooks": {"Stop": [{"matcher": "x", "hooks": [%s, {"type": "command", "command": "c"}]}]}}'
    ours = json.dumps({"type": "http", "url": OTHER_URL})
    assert hooks.removed(text % ours) == text.replace("%s, ", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  // mine\n  "model": "x"\n}', "line 2, column 3 is no JSON, which has no comments either"),
        ('{"model": "x",}', "line 1, column 15 is no JSON"),
        ('{"a": NaN}', "it is no JSON (NaN is no number of JSON)"),
        ("[]", "it is JSON, but no object"),
        ('{"hooks": []}', "hooks is no object there"),
        ('{"hooks": {"Stop": {}}}', "hooks.Stop is no list there"),
        ('{"hooks": {}, "hooks": {}}', "'hooks' stands there twice"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_what_cannot_be_changed_is_one_line(text: str, said: str) -> None:
    with pytest.raises(JsonTextError) as refused:
        hooks.installed(text, URL, TWO)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)
ENTRY = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=8)})
GROUPS = st.lists(st.fixed_dictionaries({"hooks": st.lists(ENTRY, max_size=2)}) | JSON, min_size=1, max_size=3)
OTHERS = st.dictionaries(st.sampled_from(["Stop", "PreToolUse", "Setup"]), GROUPS, min_size=1, max_size=3)
SETTINGS = st.dictionaries(st.text(max_size=6), JSON, max_size=3) | st.fixed_dictionaries({"a": JSON, "hooks": OTHERS})


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(SETTINGS, st.sampled_from([None, 0, 1, 2, 4, "\t"]), st.booleans())
def test_of_any_file_not_a_byte_else_moves(value: dict[str, Any], indent: Any, ascii_only: bool) -> None:
    before = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        there = hooks.installed(before, URL, hooks.EVENTS)
    except JsonTextError:
        assert not isinstance(value.get("hooks", {}), dict)
        return
    if "hooks" in value and not value["hooks"]:
        return  # an empty object was filled, and goes with what filled it
    assert hooks.removed(there) == before
    after = json.loads(there)
    for event in hooks.EVENTS:
        assert after["hooks"].pop(event)[-1] == {"hooks": [{"type": "http", "url": URL, "timeout": 1}]}


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_install_says_what_it_changed_and_twice_is_once(home: Path) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(MODEL_ONLY)
    file.chmod(0o640)
    done = command("install", "--events", "Stop,SessionEnd")
    assert done.exit_code == 0
    assert file.read_text() == hooks.installed(MODEL_ONLY, URL, TWO)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert '+                        "url": "http://127.0.0.1:8000/api/hooks/claude",\n' in done.stdout
    assert '-    "model": "opus"' not in done.stdout
    before = file.stat()
    again = command("install", "--events", "Stop SessionEnd")
    assert (again.exit_code, again.stdout) == (0, f"{file}: hooks are there already, nothing was changed\n")
    assert file.stat() == before
    assert command("remove").exit_code == 0
    assert file.read_text() == MODEL_ONLY
    assert "no hooks of ours are there" in command("remove").stdout
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]


def test_where_there_is_no_file_one_is_made_and_none_is_made_to_remove_from(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("remove").exit_code == 0
    assert list(home.iterdir()) == []
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "conf"))
    monkeypatch.setenv("ORCHESTRATOR_DASHBOARD_PORT", "8123")
    assert command("install").exit_code == 0
    file = home / "conf" / "settings.json"
    known = json.loads(file.read_text())
    assert list(known["hooks"]) == list(hooks.EVENTS)
    assert known["hooks"]["Stop"][0]["hooks"][0]["url"] == "http://127.0.0.1:8123/api/hooks/claude"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    project = home / "project"
    project.mkdir()
    assert command("install", "--project", "project").exit_code == 0
    assert (project / ".claude" / "settings.json").exists()


def test_a_link_stays_a_link_and_its_file_is_changed(home: Path) -> None:
    real = home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("{}\n")
    link = home / "settings.json"
    link.symlink_to(Path("dotfiles") / "claude.json")
    assert command("install", "--settings", str(link)).exit_code == 0
    assert link.is_symlink()
    assert "hooks" in json.loads(real.read_text())
    assert sorted(path.name for path in real.parent.iterdir()) == ["claude.json"]


def test_print_shows_what_install_writes_and_touches_nothing(home: Path) -> None:
    shown = command("print", "--url", "https://monitor.example:8443/", "--events", "Stop")
    assert json.loads(shown.stdout) == {
        "hooks": {
            "Stop": [
                {"hooks": [{"type": "http", "url": "https://monitor.example:8443/api/hooks/claude", "timeout": 1}]}
            ]
        }
    }
    assert list(home.iterdir()) == []


def test_where_several_clusters_are_watched_one_is_named(home: Path) -> None:
    (home / "orchestrator-telemetry.yaml").write_text("clusters: [{name: day}, {name: late night}]\n")
    unnamed = command("install")
    assert (unnamed.exit_code, list(home.glob(".claude"))) == (2, [])
    assert "several clusters are watched: --cluster must be one of day, late night" in unnamed.stderr
    assert "--cluster is 'x': it must be one of day" in command("print", "--cluster", "x").stderr
    assert f'"url": "{URL}?cluster=late+night"' in command("print", "--cluster", "late night").stdout
    assert command("install", "--cluster", "day").exit_code == 0
    assert command("remove").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("install", "--url", "nonsense"), 2, "--url: 'nonsense' is no address of a monitor"),
        (("install", "--url", "http://h/other"), 2, "--url: 'http://h/other' is no address of a monitor"),
        (("install", "--events", "SessionStart"), 2, "--events: 'SessionStart' is not possible; allowed are User"),
        (("install", "--events", "WorktreeCreate"), 2, "--events: 'WorktreeCreate' is not possible"),
        (("install", "--events", ","), 2, "--events is empty"),
        (("install", "--project", "nowhere"), 2, "--project is 'nowhere': it must be a folder"),
        (("install", "--project", ".", "--settings", "x"), 2, "--settings and --project name two files"),
        (("install", "--settings", "folder"), 1, "folder is no ordinary file"),
        (("install", "--settings", "pipe"), 1, "pipe is no ordinary file"),
        (("install", "--settings", "binary"), 1, "binary is no text in UTF-8 (byte 0)"),
        (("install", "--settings", "comments"), 1, "comments: line 1, column 2 is no JSON"),
        (("remove", "--settings", "comments"), 1, "nothing was changed"),
        (("install", "--settings", "folder/file/x"), 1, "folder/file/x can't be"),
    ],
)
def test_what_is_wrong_is_one_line_and_its_own_code(
    home: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (home / "folder").mkdir()
    (home / "folder" / "file").write_text("")
    os.mkfifo(home / "pipe")
    (home / "binary").write_bytes(b"\xff\xfe")
    (home / "comments").write_text("{// mine\n}")
    done = command(*arguments)
    assert done.exit_code == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (home / "comments").read_text() == "{// mine\n}"
    assert not (home / ".claude").exists()


def test_settings_that_keep_hooks_from_being_sent_are_named(home: Path) -> None:
    file = home / "settings.json"
    file.write_text('{"disableAllHooks": true, "allowedHttpHookUrls": ["https://*.example/*"]}')
    done = command("install", "--settings", str(file))
    assert done.exit_code == 0
    assert "disableAllHooks is true there: no hook is sent" in done.stderr
    assert f"allowedHttpHookUrls there doesn't allow {URL}" in done.stderr
    file.write_text('{"allowedHttpHookUrls": ["http://127.0.0.1:*"]}')
    assert command("install", "--settings", str(file)).stderr == ""
