"""What is inside, under which licences, and what is known against it: with answers as the programs give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import audit, licences, sbom
from tools.audit import Result

if TYPE_CHECKING:
    from pathlib import Path

PYTHON: dict[str, Any] = {
    "dependencies": [
        {
            "name": "requests",
            "version": "2.19.0",
            "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.20.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
        },
        {"name": "httpx", "version": "1", "vulns": []},
    ]
}
SKIPPED = {"dependencies": [{"name": "httpx", "skip_reason": "Dependency not found on PyPI and could not be audited"}]}


def go_finding(identity: str, **trace: str) -> str:
    finding = {"osv": identity, "fixed_version": "v1.2.4", "trace": [{"module": "example.com/m", **trace}]}
    return json.dumps({"finding": finding}, indent=2) + "\n"


GO = json.dumps({"config": {"scanner_name": "govulncheck"}}, indent=2) + "\n" + go_finding("GO-1", version="v1.2.3")
CALLED = GO + go_finding("GO-1", version="v1.2.3", package="example.com/m/p", function="Parse")


def test_findings_are_told() -> None:
    assert audit.python_findings(PYTHON).found == {
        "PYSEC-1": "requests 2.19.0: PYSEC-1, mended in 2.20.0",
        "PYSEC-2": "requests 2.19.0: PYSEC-2, mended in no version",
    }
    assert audit.go_findings(GO) == Result()  # it is there, but nothing calls it
    assert audit.is_any_module_named(GO)
    assert not audit.is_any_module_named('{"config": {}}\n{"progress": {"message": "Scanning"}}\n')
    assert audit.go_findings(CALLED).found == {"GO-1": "example.com/m v1.2.3: GO-1, in Parse, mended in v1.2.4"}


def test_what_was_skipped_was_not_checked() -> None:
    assert audit.python_findings(SKIPPED) == Result(unchecked="the database says nothing of httpx")
    assert audit.judge({"pip-audit": audit.python_findings(SKIPPED)}, {}) == (
        ["pip-audit: not checked: the database says nothing of httpx"],
        True,
    )


def test_only_an_explained_finding_passes() -> None:
    results = {"govulncheck": audit.go_findings(CALLED), "pip-audit": Result()}
    assert audit.judge(results, {}) == (["govulncheck: example.com/m v1.2.3: GO-1, in Parse, mended in v1.2.4"], False)
    assert audit.judge(results, {"GO-1": "we give it only our own files"}) == ([], True)
    stale = ["tools/findings.toml explains GO-2, which is found no more: remove it"]
    assert audit.judge(results, {"GO-1": "as said", "GO-2": "gone"}) == (stale, False)
    results["pip-audit"] = Result(unchecked="the database of OSV (api.osv.dev) can't be reached")
    assert audit.judge(results, {"GO-1": "as said", "GO-2": "perhaps gone"})[1]


def test_a_database_out_of_reach_is_said_and_fetches_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("GOVULNDB", "http://127.0.0.1:1")
    monkeypatch.setattr(audit, "OSV", "http://127.0.0.1:1/")
    assert audit.main() == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "pip-audit: not checked: the database of OSV (api.osv.dev) can't be reached",
        "govulncheck: not checked: Go's database (127.0.0.1:1) can't be reached",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_known_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "db.json").write_text('{"modified": "2026-01-01T00:00:00Z"}')
    assert audit.reachable((tmp_path / "db.json").as_uri(), "modified")
    (tmp_path / "db.json").write_text("<html>log in first</html>")
    assert not audit.reachable((tmp_path / "db.json").as_uri(), "modified")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("  Apache License\n  Version 2.0, January 2004", "Apache-2.0"),
        ("Mozilla Public License, version 2.0", "MPL-2.0"),
        ("Permission is hereby granted, free\nof charge, to any person", "MIT"),
        ("Redistribution and use in source and binary forms …\nNeither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms …", "BSD-2-Clause"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0"),
        ("All rights reserved.", ""),
    ],
)
def test_licences_are_known_by_their_texts(text: str, kind: str) -> None:
    assert licences.kind_of(text) == kind


def test_a_bill_names_licences_and_no_time() -> None:
    bill = {"metadata": {"timestamp": "now"}, "components": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}
    parts = [licences.Part("a", "1", "MIT", "text"), licences.Part("b", "1", "MIT License, PSF", "text")]
    made = sbom.with_licences(bill, parts)
    assert made["metadata"] == {}
    assert [one.get("licenses") for one in made["components"]] == [
        [{"license": {"id": "MIT"}}],
        [{"license": {"name": "MIT License, PSF"}}],
        None,
    ]
    assert licences.listed(parts) == f"a 1: MIT\nb 1: MIT License, PSF\n\n{'=' * 80}\na, b\n\ntext\n"


@pytest.mark.slow
def test_everything_inside_the_collector_may_be_passed_on() -> None:
    """No module without a licence, and none whose licence asks more than to be named with its text (MPL: its files)."""
    allowed = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}
    modules = licences.go_modules()
    assert len(modules) > 100
    assert {(part.name, part.licence) for part in modules if part.licence not in allowed} == set()
