"""Nothing in deploy/ is orphaned or stale; what is, is told. That each test can fail: tests/soak/soak_deployed.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import deployed


def test_nothing_is_orphaned_or_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert deployed.main() == 0, capsys.readouterr().err


def test_a_file_that_nobody_exercises_and_no_readme_names_is_told() -> None:
    lying = deployed.files()
    assert list(deployed.problems([*lying, "loki/left_over.yaml"])) == [
        "deploy/loki/left_over.yaml is orphaned: no test exercises it; write one and name it in tools/deployed.py",
        "deploy/loki/left_over.yaml is orphaned: no README of deploy/ leads to it",
    ]


def test_a_link_to_a_folder_names_no_file_that_nobody_knows() -> None:
    unknown = [
        "alertmanager/templates/x.tmpl",
        "compose/targets/x.yaml",
        "datadog/monitors/x.json",
        "elasticsearch/lifecycle/x.json",
        "grafana/dashboards/x.json",
        "grafana/provisioning/datasources/x.yaml",
        "kubernetes/examples/x.yaml",
        "loki/x.env",
        "prometheus/rules-x.yaml",
        "prometheus/targets/x.yaml",
        "prometheus/tests/x.yaml",
        "systemd/x.service",
    ]
    told = [one for one in deployed.problems([*deployed.files(), *unknown]) if "no test exercises it" in one]
    assert [one.partition(" ")[0] for one in told] == [f"deploy/{file}" for file in unknown]


def test_a_pattern_without_a_file_and_a_test_that_is_gone_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(deployed.EXERCISED, "nomad/job.hcl", "test_nomad.py::test_it_starts")
    monkeypatch.setitem(deployed.EXERCISED, "loki/config.yaml", "test_loki.py::test_that_was_renamed")
    assert list(deployed.problems(deployed.files())) == [
        "tools/deployed.py: there is no test test_loki.py::test_that_was_renamed for loki/config.yaml",
        "tools/deployed.py: no file of deploy/ is nomad/job.hcl",
        "tools/deployed.py: there is no test test_nomad.py::test_it_starts for nomad/job.hcl",
    ]


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "README.md").write_text("[here](README.md#part) and [there](nomad/README.md)\n")
    told = [one for one in deployed.problems(["README.md"], tmp_path) if not one.startswith("tools/")]
    assert told == ["deploy/README.md: its link to nomad/README.md leads nowhere"]


def test_what_git_has_or_would_take_counts_and_what_it_ignores_does_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, timeout=30)
    names = ("loki/new.yaml", "compose/.env", "compose/.gitignore", "gone.yaml", "nomad/job.hcl", "../docs/other.md")
    for file in (tmp_path / "deploy" / name for name in names):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(".env\n" if file.name == ".gitignore" else "")
    added = ["deploy/gone.yaml", "deploy/loki/new.yaml", "docs/other.md"]
    subprocess.run(["git", "-C", tmp_path, "add", *added], check=True, timeout=30)
    (tmp_path / "deploy" / "gone.yaml").unlink()
    assert deployed.files(tmp_path) == ["compose/.gitignore", "loki/new.yaml", "nomad/job.hcl"]
