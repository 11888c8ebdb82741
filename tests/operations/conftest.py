from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons import Tmux
from tests.notify.faulty import Faulty, serving
from tests.operations.cluster import AGENTS, Watched


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Four agents that live, and nobody who watches them yet."""
    home = tmp_path / "home"
    home.mkdir()
    tmux = Tmux(*AGENTS).keep_dead_panes()
    try:
        with serving(Faulty.willing()) as receiver:
            yield Watched(home, tmux, receiver)
    finally:
        tmux.close()
