"""Twenty hosts of fifty agents behind two gateways, Kafka and a second tier, each fault three times.

Prints what was measured. By hand, as root: `make soak`. The small one is tests/scale/test_scale.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scale.surviving import survive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_thousand_agents_on_twenty_hosts(collector_binary: Path, tmp_path: Path, say: Callable[[str], None]) -> None:
    say(
        str(
            survive(tmp_path, collector_binary, hosts=20, agents=50, changing=5, every=2.0, rounds=3, metrics_every=5.0)
        )
    )
