"""The files that promtool is given ask all that they asked when each was written: half of one passes as well."""

from __future__ import annotations

import pytest
import yaml

from tests.deploy.alerting import DEPLOY

FOLDER = DEPLOY / "prometheus" / "tests"
QUESTIONS = {
    "catalogue.yaml": 36,
    "collector.yaml": 10,
    "inhibited.yaml": 12,
    "monitor.yaml": 28,
    "passed-on.yaml": 13,
    "pipeline.yaml": 21,
    "recording.yaml": 8,
}
"""How many each asks; promtool doesn't say."""


@pytest.mark.parametrize("file", sorted({*QUESTIONS, *(file.name for file in FOLDER.iterdir())}))
def test_promtool_is_asked_all(file: str) -> None:
    proofs = yaml.safe_load((FOLDER / file).read_text())["tests"]
    asked = [one for proof in proofs for kind in ("alert_rule_test", "promql_expr_test") for one in proof.get(kind, ())]
    assert len(asked) == QUESTIONS.get(file), "as many as the table here says: change both"
