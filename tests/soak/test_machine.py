"""A run from where the machine of its own sees nothing says so in a line."""

from __future__ import annotations

from pathlib import Path

from tests.soak.machine import hidden


def test_a_place_that_the_machine_has_for_itself_is_told(tmp_path: Path) -> None:
    assert hidden(Path("/usr/lib"), Path("/srv/run"), Path("/running")) is None
    told = "/run/clone can't be seen in the machine, whose /run is its own: run this from elsewhere"
    assert hidden(Path("/usr/lib"), Path("/run/clone")) == told
    link = tmp_path / "link"
    link.symlink_to("/run/user")
    assert hidden(link) == "/run/user can't be seen in the machine, whose /run is its own: run this from elsewhere"
