"""Whether anything in deploy/ is orphaned or stale: `python -m tools.deployed` says what, a line each.

Each file is exercised by a test that fails when the file is damaged (tests/soak/soak_deployed.py damages every one and
sees it fail), and is named by a README of deploy/. What is generated is compared by the commands that write it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from telemetry.settings.layers import PROFILES
from tools.dashboards import files as dashboards

ROOT = Path(__file__).parents[1]
FOLDER = "deploy"
KINDS = ("--cached", "--others", "--exclude-standard")
"""What of the files that lie there `git ls-files` lists: those that wait for `git add` too."""
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

_GRAFANA = "test_grafana.py::"
_KUBERNETES = "test_kubernetes.py::"
_PROMETHEUS, _RULES = "test_prometheus.py::", "test_prometheus_rules.py::"
_PROMTOOL = f"{_RULES}test_promtool_sees_each_fire_and_keep_quiet"
_TARGETS = ("alertmanagers", "collectors", "gateways", "monitors", "senders")
_EXAMPLES = ("large", "large.values", "medium", "medium.values", "sidecar", "small", "small.values")
_PROOFS = ("catalogue", "collector", "inhibited", "monitor", "passed-on", "pipeline", "recording")
EXERCISED = {
    "README.md": "test_deployed.py::test_nothing_is_orphaned_or_stale",
    "scale/README.md": (
        "test_readmes.py::test_the_collector_takes_the_settings_of_both_tiers "
        "test_readmes.py::test_kafka_makes_the_topics_of_the_collector "
        "test_readmes.py::test_scale_names_no_variable_that_nobody_reads "
        "test_readmes.py::test_what_scale_foretells_is_what_a_host_does_times_the_hosts"
    ),
    "*/README.md": "test_deployed.py::test_nothing_is_orphaned_or_stale",
    "alertmanager/alertmanager.yml": "test_alertmanager.py::test_amtool_finds_nothing_wrong",
    "alertmanager/templates/orchestrator.tmpl": "test_alertmanager.py::test_what_an_agent_is_called_wakes_nobody",
    "compose/.env.example": "test_compose.py::test_the_example_has_every_variable",
    "compose/.gitignore": "test_compose.py::test_the_folder_of_secrets_is_its_owners_alone",
    "compose/Dockerfile": "test_compose.py::test_the_monitors_image_is_no_roots",
    "compose/Dockerfile.dockerignore": "test_compose.py::test_the_dockerfile_copies_what_its_context_has",
    "compose/compose.yaml": "test_compose.py::test_every_service_is_confined",
    "compose/secrets.sh": "test_compose.py::test_what_secrets_are_missing_is_made_and_what_is_there_stays",
    **{
        f"compose/targets/{name}.yaml": "test_compose.py::test_prometheus_finds_the_services_by_their_names"
        for name in _TARGETS
    },
    **dict.fromkeys(dashboards.FILES, f"{_GRAFANA}test_the_files_are_fresh"),
    "elasticsearch/component-template.json": (
        "test_elasticsearch.py::test_the_index_template_takes_what_the_component_says_and_does_without"
    ),
    "elasticsearch/load.sh": ("test_elasticsearch.py::test_load_puts_everything_in_the_order_in_which_it_is_needed"),
    **{
        file.format(profile): test
        for profile in PROFILES
        for file, test in {
            "elasticsearch/lifecycle/{}.json": (
                "test_elasticsearch.py::test_each_profile_keeps_records_for_as_long_as_the_monitor_does"
            ),
            "loki/{}.env": "test_loki.py::test_each_profile_keeps_logs_for_as_long_as_the_monitor_does",
            "prometheus/{}.env": f"{_PROMETHEUS}test_each_profile_keeps_metrics_for_as_long_as_the_monitor_does",
        }.items()
    },
    "grafana/provisioning/dashboards/orchestrator.yaml": (
        f"{_GRAFANA}test_the_provider_finds_the_dashboards_where_the_readme_puts_them"
    ),
    "grafana/provisioning/datasources/orchestrator.yaml": (
        f"{_GRAFANA}test_provisioned_data_sources_are_what_dashboards_and_links_look_for"
    ),
    **dict.fromkeys(
        # Whatever lies in the chart goes into the digest of what is rendered from it, and so does the sidecar's.
        (
            "kubernetes/chart/*",
            "kubernetes/chart/*/*",
            "kubernetes/examples/sidecar/*",
            "kubernetes/examples/sidecar/*/*",
        ),
        f"{_KUBERNETES}test_the_rendered_examples_are_fresh",
    ),
    **dict.fromkeys(
        (f"kubernetes/examples/{name}.yaml" for name in _EXAMPLES), f"{_KUBERNETES}test_the_rendered_examples_are_fresh"
    ),
    "loki/config.yaml": "test_loki.py::test_what_is_a_day_late_is_taken_and_found_and_what_is_later_is_refused",
    "prometheus/prometheus.yml": f"{_PROMETHEUS}test_every_file_of_targets_and_of_rules_is_read",
    **{
        f"prometheus/targets/{name}.yaml": f"{_PROMETHEUS}test_what_is_scraped_at_first_is_this_machine"
        for name in _TARGETS
    },
    "prometheus/recording.yaml": _PROMTOOL,
    "prometheus/rules.yaml": f"{_RULES}test_the_files_are_fresh",
    "prometheus/rules-standalone.yaml": f"{_RULES}test_the_files_are_fresh",
    "prometheus/watchdog.yaml": f"{_PROMETHEUS}test_promtool_finds_nothing_wrong",
    **{f"prometheus/tests/{name}.yaml": f"test_proofs.py::test_promtool_is_asked_all {_PROMTOOL}" for name in _PROOFS},
    "systemd/orchestrator-collector.service": "test_systemd.py::test_it_is_hardened",
    "systemd/orchestrator-telemetry@.service": "test_systemd.py::test_it_is_hardened",
    "systemd/collector.env": "test_systemd.py::test_as_installed_the_monitor_sends_to_the_collector",
    "systemd/monitor.env": "test_systemd.py::test_as_installed_the_monitor_sends_to_the_collector",
    "systemd/install.sh": "test_systemd.py::test_everything_is_put_in_its_place",
    "systemd/sysusers.d/orchestrator-telemetry.conf": "test_systemd.py::test_the_user_and_the_folders_are_made",
    "systemd/tmpfiles.d/orchestrator-telemetry.conf": "test_systemd.py::test_the_user_and_the_folders_are_made",
}
"""Tests of tests/deploy, several with spaces between, by file of deploy/; the first pattern that fits is a file's own.

Names rather than patterns wherever a test can't tell of one that is too many.
"""


def files(root: Path = ROOT) -> list[str]:
    """What git has of deploy/, or would take: paths from there."""
    line = ["git", "ls-files", *KINDS, FOLDER]
    listed = subprocess.run(line, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name.removeprefix(f"{FOLDER}/") for name in listed if (root / name).is_file())


def tests_of(file: str) -> list[str]:
    """The tests that exercise a file, as pytest is given them; none where nobody knows one."""
    pattern = next((one for one in EXERCISED if _fits(file, one)), None)
    return [] if pattern is None else [f"tests/deploy/{test}" for test in EXERCISED[pattern].split()]


def problems(lying: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """What is wrong with these files of deploy/, a line each."""
    for file in lying:
        if not tests_of(file):
            yield f"{FOLDER}/{file} is orphaned: no test exercises it; write one and name it in tools/deployed.py"
    for pattern, tests in EXERCISED.items():
        if not any(_fits(file, pattern) for file in lying):
            yield f"tools/deployed.py: no file of {FOLDER}/ is {pattern}"
        for test in tests.split():
            file, _, function = test.partition("::")
            if function not in _functions(root / "tests" / "deploy" / file):
                yield f"tools/deployed.py: there is no test {test} for {pattern}"
    yield from _unnamed(lying, root / FOLDER)


def _fits(file: str, pattern: str) -> bool:
    return len(PurePosixPath(file).parts) == len(PurePosixPath(pattern).parts) and PurePosixPath(file).match(pattern)


@cache
def _functions(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    return {one.name for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.FunctionDef)}


def _unnamed(lying: Sequence[str], folder: Path) -> Iterator[str]:
    """Files to which no README leads by a link to them, or to a folder they are in; links that lead nowhere."""
    led_to: set[Path] = set()
    for readme in (folder / file for file in lying if Path(file).name == "README.md"):
        for link in _LINK.findall(readme.read_text(encoding="utf-8")):
            target = (readme.parent / link).resolve()
            if not target.exists():
                yield f"{readme.relative_to(folder.parent)}: its link to {link} leads nowhere"
            led_to.add(target)
    for file in lying:
        path = (folder / file).resolve()
        if file != "README.md" and path.name != ".gitignore" and led_to.isdisjoint((path, *path.parents)):
            yield f"{FOLDER}/{file} is orphaned: no README of {FOLDER}/ leads to it"


def main() -> int:
    """1 where something is wrong."""
    found = list(problems(files()))
    sys.stderr.writelines(f"{one}\n" for one in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
