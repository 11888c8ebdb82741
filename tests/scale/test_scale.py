"""Two hosts of fifty agents behind two gateways, Kafka and a second tier: nothing is lost, whoever of them is killed.

Twenty hosts, and each fault several times: tests/soak/soak_scale.py.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.scale.surviving import survive

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="networks of their own need root"),
]


def test_nothing_is_lost_and_nothing_told_twice(collector_binary: Path, tmp_path: Path) -> None:
    survive(tmp_path, collector_binary, hosts=2, agents=50, changing=5, every=0.5, rounds=1, metrics_every=1.0)
