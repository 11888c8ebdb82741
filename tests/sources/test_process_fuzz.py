"""Foreign bytes, whatever they are, become an answer or a reason, never another exception."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.sources.process.census import Census
from telemetry.sources.process.pidfile import PidFile, PidFileError, try_pid_file
from telemetry.sources.process.units import Unit, see_unit

NOBODY = Census([], lambda _pid: 0)

NUMBERS = st.one_of(
    st.integers().map(str), st.text(max_size=30), st.sampled_from(["0", "1", "2", "3", "9" * 30, "²", "٣"])
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "LoadState": st.sampled_from(["loaded", "not-found", "masked", "{}", "{x}"]),
        "ActiveState": st.sampled_from(["active", "failed"]) | st.text(),
        "SubState": st.sampled_from(["running", "auto-restart"]) | st.text(),
        "Result": st.sampled_from(["timeout", "signal"]) | st.text(),
        "MainPID": NUMBERS,
        "ExecMainStatus": NUMBERS,
        "ExecMainCode": NUMBERS,
        "NRestarts": NUMBERS,
    },
)


@given(content=st.binary(max_size=100) | st.integers().map(lambda number: str(number).encode()))
def test_pid_files(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        said = try_pid_file(Path(file.name))
    assert isinstance(said, PidFileError) or 0 < said.pid <= 2**22
    if content.strip().isdigit() and 0 < int(content) <= 2**22 and b"\n" not in content and b"\r" not in content:
        assert isinstance(said, PidFile)


@given(values=PROPERTIES)
@example(values={"ActiveState": "active", "SubState": "running", "MainPID": "9" * 18})  # no pid: found here once
def test_what_systemd_says(values: dict[str, str]) -> None:
    sight = see_unit("agent", "a.service", Unit.from_properties(values), NOBODY)
    assert sight.running or sight.reason
    assert not {unicodedata.category(character) for character in sight.reason} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
