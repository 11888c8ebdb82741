"""deploy/kubernetes: the rendered examples are fresh, sound in themselves, confined, and what they set is known.

That a real API server takes them, and upgrades and goes back: tests/kubernetes (`make test-kubernetes`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from telemetry.secret_files import VARIABLES as SECRET_FILES
from telemetry.settings.layers import VARIABLES as SETTINGS
from tests.deploy.kubernetes import (
    NAMES,
    SECRETS,
    Object,
    chosen,
    environment,
    example,
    laid_over,
    mounted_files,
    objects,
    of_kind,
    ours,
    parsed,
    pods,
    values,
)
from tools import kubernetes, kubernetes_known
from tools.kubernetes import EXAMPLES, FOLDER

ROOT = FOLDER.parents[1]
README = (ROOT / "otel-collector" / "README.md").read_text(encoding="utf-8")
NOT_FOR_US = {"NODE_NAME"}
"""What only other variables refer to."""
OF_OPENTELEMETRY = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_RESOURCE_ATTRIBUTES",
}
TLS = f"{SECRETS}orchestrator-telemetry-tls/"
SECRET = re.compile(r"_(KEY|PASSWORD|SECRET|TOKEN|HEADERS)$|^(SLACK_WEBHOOK|ORCHESTRATOR_(WEBHOOK|DEADMAN))_URL$")
each_example = pytest.mark.parametrize("name", NAMES)
SCHEMA = jsonschema_rs.validator_for(json.loads((FOLDER / "chart" / "values.schema.json").read_text()))


# --- what is rendered -----------------------------------------------------------------------------------------------


def test_the_rendered_examples_are_fresh() -> None:
    assert list(kubernetes.problems()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("chart/templates/gateway.yaml", [f"{name}.yaml is stale" for name in NAMES]),
        ("chart/values.schema.json", [f"{name}.yaml is stale" for name in NAMES]),
        ("chart/known.yaml", ["known.yaml is stale", *(f"{name}.yaml is stale" for name in NAMES)]),
        ("examples/large.values.yaml", ["large.yaml is stale"]),
        ("examples/sidecar/templates/agents.yaml", ["sidecar.yaml is stale"]),
        ("examples/medium.yaml", ["medium.yaml was changed by hand"]),
    ],
)
def test_what_is_stale_or_changed_by_hand_is_told(changed: str, told: list[str], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "kubernetes"))
    with (copy / changed).open("a") as file:
        file.write("\n# more\n")
    found = list(kubernetes.problems(copy))
    assert len(found) == len(told)
    for line, expected in zip(found, told, strict=True):
        assert line.startswith("deploy/kubernetes/")
        assert f"/{expected}" in line


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "kubernetes"))
    (copy / "examples" / "small.yaml").unlink()
    assert list(kubernetes.problems(copy)) == [
        "deploy/kubernetes/examples/small.yaml is missing or has no head: make kubernetes"
    ]


def test_the_chart_has_the_projects_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = values(FOLDER / "chart" / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (version, version)
    manifest = values(ROOT / "otel-collector" / "manifest.yaml")
    assert manifest["dist"]["version"] == version


# --- what may be set ------------------------------------------------------------------------------------------------


def wrong(given: Object) -> list[str]:
    """Where values that lie over the chart's own are wrong."""
    whole = laid_over(values(FOLDER / "chart" / "values.yaml"), given)
    return sorted({"/".join(map(str, error.instance_path)) for error in SCHEMA.iter_errors(whole)})


@pytest.mark.parametrize("file", ["", *(one.source for one in EXAMPLES)])
def test_the_schema_takes_what_the_chart_and_the_examples_say(file: str) -> None:
    given = {}
    if file.endswith(".yaml"):
        given = values(FOLDER / file)
    elif file:
        given = values(FOLDER / file / "values.yaml")["orchestrator-telemetry"]
    assert wrong(given) == []


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"gatway": {}}, ""),
        ({"gateway": {"replica": 3}}, "gateway"),
        ({"gateway": {"replicas": "3"}}, "gateway/replicas"),
        ({"gateway": {"memoryMiB": 32}}, "gateway/memoryMiB"),
        ({"backends": {"names": ["promethius"]}}, "backends/names/0"),
        ({"backends": {"names": []}}, "backends/names"),
        ({"backends": {"env": {"LOKI_URL": ["http://loki"]}}}, "backends/env/LOKI_URL"),
        ({"monitor": {"resources": {"limits": {"memroy": "1Gi"}}}}, "monitor/resources/limits"),
        ({"monitor": {"resources": {"limits": {"memory": ""}}}}, "monitor/resources/limits/memory"),
        ({"monitor": {"secrets": {"SMTP_PASSWORD": "made-up"}}}, "monitor/secrets/SMTP_PASSWORD"),
        ({"monitor": {"nodes": {"user": 0}}}, "monitor/nodes/user"),
        ({"monitor": {"nodes": {"claudeDir": "~/.claude"}}}, "monitor/nodes/claudeDir"),
        ({"monitor": {"profile": "prod"}}, "monitor/profile"),
        ({"kafka": {"brokers": "http://kafka:9092"}}, "kafka/brokers"),
        ({"otlp": {"token": {"secret": "Made Up"}}}, "otlp/token/secret"),
        ({"listen": "127.0.0.1"}, "listen"),
    ],
)
def test_the_schema_refuses_what_is_no_value_of_its_kind(given: Object, where: str) -> None:
    assert wrong(given) == [where]


def test_the_chart_knows_what_backends_need_and_keep_as_the_readmes_say() -> None:
    known = values(FOLDER / kubernetes_known.NAME)
    needed, backend = {}, ""
    for named, variables, meaning in re.findall(r"(?m)^\| (.*?) \| .*? \| (`.*?) \| (.*?) ?\|$", README):
        backend = named.strip("`") or backend
        if backend in known["backends"] and re.match(r"(whole address|base[,:]|`https?://|`a:9092|$)", meaning):
            needed[backend] = re.findall("`(.*?)`", variables)
    assert needed == {name: one["needs"] for name, one in known["backends"].items() if one["needs"]}
    readme = re.sub(r"\s+", " ", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert "(`loki` and `prometheus-otlp` have one, `elasticsearch` two, `datadog` and `kafka` three)" in readme
    queues = {name: len(one["queues"]) for name, one in known["backends"].items()}
    assert [queues[name] for name in ("loki", "prometheus-otlp", "elasticsearch", "datadog", "kafka")] == [
        1,
        1,
        2,
        3,
        3,
    ]
    (files,) = [one["files"] for one in known["backends"].values() if "files" in one]
    most = files["count"] * (1 + files["backups"]["default"]) * files["megabytes"]["default"]
    assert f"besides what `file` writes ({most:,} MiB by default)" in readme


def test_what_a_backend_needs_and_keeps_is_read_from_its_file_and_not_its_comments(tmp_path: Path) -> None:
    (tmp_path / "config" / "backends").mkdir(parents=True)
    (tmp_path / "config" / "backends" / "ours.yaml").write_text(
        "exporters:\n"
        "  a: {url: '${env:OUR_URL:-}/${env:OUR_TENANT}', sending_queue: {storage: s}}\n"
        "  b: {url: '${env:OUR_URL}'}  # ${env:NOBODYS}\n"
        "  c: {rotation: {max_megabytes: '${env:OUR_MB:-7}', max_backups: '${env:OUR_OLD:-2}', max_days: 1}}\n"
        "service: {pipelines: {logs/a: {exporters: ['${env:OUR_LOGS:-a}']}, traces/b: {exporters: [b]}}}\n"
        "# ${env:NOBODYS}\n"
    )
    known = kubernetes_known.known(tmp_path)
    assert known["collector"] == ["OUR_LOGS", "OUR_MB", "OUR_OLD", "OUR_TENANT", "OUR_URL"]
    amounts = {"megabytes": {"variable": "OUR_MB", "default": 7}, "backups": {"variable": "OUR_OLD", "default": 2}}
    ours = {"needs": ["OUR_TENANT", "OUR_URL"], "queues": {"logs": "OUR_LOGS"}, "variables": known["collector"]}
    assert known["backends"] == {"ours": ours | {"files": {"count": 1, **amounts}}}


# --- what runs ------------------------------------------------------------------------------------------------------


@each_example
def test_every_pod_and_container_is_confined(name: str) -> None:
    for pod in pods(objects(name)):
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.spec["automountServiceAccountToken"] is False
        assert not pod.spec.get("hostNetwork")
        assert pod.spec.get("hostPID", False) is (pod.kind == "DaemonSet")
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "privileged": False,
                "capabilities": {"drop": ["ALL"]},
            }, container["name"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@each_example
def test_only_the_monitor_of_a_node_sees_the_node_and_changes_nothing_of_the_agents(name: str) -> None:
    for pod in pods(objects(name)):
        of_the_node = {one["name"] for one in pod.spec["volumes"] if "hostPath" in one}
        assert not of_the_node or pod.kind == "DaemonSet"
        for container in pod.containers:
            for mount in container["volumeMounts"]:
                if mount["name"] in of_the_node - {"state"}:
                    assert mount["readOnly"] is True


@each_example
def test_probes_ask_ports_that_are_there(name: str) -> None:
    for kind, path in (("collector", "/"), ("monitor", "/healthz")):
        for _, container in ours(name, kind):
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports
            assert container["livenessProbe"]["httpGet"]["path"] == path
            ready = container["readinessProbe"]["httpGet"]["path"]
            assert ready == path.replace("/healthz", "/readyz")


@each_example
def test_a_collector_keeps_within_its_memory(name: str) -> None:
    for _, container in ours(name, "collector"):
        env = environment(container)
        most = int(env["ORCHESTRATOR_COLLECTOR_MEMORY_MIB"])
        assert env["GOMEMLIMIT"] == f"{most * 4 // 5}MiB"
        assert int(env["ORCHESTRATOR_COLLECTOR_MEMORY_SPIKE_MIB"]) == most // 4
        assert container["resources"]["requests"]["memory"] == f"{most}Mi"
        assert int(container["resources"]["limits"]["memory"].removesuffix("Mi")) >= most + 128


@each_example
def test_all_pods_of_a_kind_are_of_one_image_with_a_version(name: str) -> None:
    version = values(FOLDER / "chart" / "Chart.yaml")["appVersion"]
    for kind in ("collector", "monitor"):
        assert {container["image"] for _, container in ours(name, kind)} <= {f"orchestrator-telemetry-{kind}:{version}"}


@each_example
def test_what_can_never_be_changed_says_nothing_of_the_version(name: str) -> None:
    version = values(FOLDER / "chart" / "Chart.yaml")["version"]
    for one in of_kind(objects(name), "StatefulSet", "Deployment", "DaemonSet"):
        spec = one["spec"]
        fixed = [one["metadata"]["name"], spec["selector"], spec.get("serviceName"), spec.get("volumeClaimTemplates")]
        assert version not in json.dumps(fixed), "an upgrade would be refused, or lose what waits"


# --- what it is told ------------------------------------------------------------------------------------------------


@each_example
def test_the_collector_knows_every_variable(name: str) -> None:
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`", README))
    for _, container in ours(name, "collector"):
        for variable in environment(container):
            assert variable in documented or variable.removesuffix("_FILE") in documented, variable


@each_example
def test_the_monitor_knows_every_variable(name: str) -> None:
    known = {*SETTINGS, *SECRET_FILES, *OF_OPENTELEMETRY, *NOT_FOR_US, "ORCHESTRATOR_CONFIG"}
    for _, container in ours(name, "monitor"):
        for variable in environment(container):
            assert variable in known or variable == "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT", variable


@each_example
def test_no_variable_is_there_twice(name: str) -> None:
    for pod in pods(objects(name)):
        for container in pod.containers:
            names = [one["name"] for one in container["env"]]
            assert len(names) == len(set(names)), container["name"]


@each_example
def test_secrets_are_files_and_never_in_an_environment(name: str) -> None:
    assert not of_kind(objects(name), "Secret")
    for pod in pods(objects(name)):
        for container in pod.containers:
            for one in container["env"]:
                assert "secretKeyRef" not in one.get("valueFrom", {}), one["name"]
                if SECRET.search(one["name"]):
                    assert one["value"].startswith(SECRETS), one["name"]


@each_example
def test_every_file_that_is_named_is_mounted_and_of_a_secret(name: str) -> None:
    for kind in ("collector", "monitor"):
        for pod, container in ours(name, kind):
            mounted = {path: (secret, key) for path, secret, key in mounted_files(pod, container)}
            named = {value for value in environment(container).values() if value.startswith(SECRETS)}
            assert named <= mounted.keys()
            unused = {path for path in mounted.keys() - named if not path.startswith(TLS)}
            assert unused == set()


@each_example
def test_every_volume_that_is_mounted_is_there(name: str) -> None:
    for pod in pods(objects(name)):
        volumes = {one["name"] for one in pod.spec.get("volumes") or ()} | set(pod.claims)
        mounted = {mount["name"] for container in pod.containers for mount in container["volumeMounts"]}
        assert mounted == volumes


@each_example
def test_whoever_may_write_to_a_volume_is_in_its_group(name: str) -> None:
    for pod in pods(objects(name)):
        assert pod.spec["securityContext"]["fsGroup"] == pod.spec["securityContext"]["runAsGroup"]


# --- what refers to what --------------------------------------------------------------------------------------------


@each_example
def test_services_and_policies_find_pods_and_their_ports(name: str) -> None:
    running = pods(objects(name))
    for service in of_kind(objects(name), "Service"):
        found = chosen(service["spec"]["selector"], running)
        assert len(found) == 1, service["metadata"]["name"]
        ports = {port["name"] for container in found[0].containers for port in container.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for policy in of_kind(objects(name), "NetworkPolicy"):
        found = chosen(policy["spec"]["podSelector"]["matchLabels"], running)
        assert len(found) == 1, policy["metadata"]["name"]
        ports = {port["name"] for container in found[0].containers for port in container.get("ports", ())}
        assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} <= ports
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


@each_example
def test_every_pod_of_the_chart_has_a_policy(name: str) -> None:
    ours_alone = [pod for pod in pods(objects(name)) if "app.kubernetes.io/component" in pod.labels]
    for pod in ours_alone:
        policies = of_kind(objects(name), "NetworkPolicy")
        assert any(chosen(one["spec"]["podSelector"]["matchLabels"], [pod]) for one in policies), pod.name


@each_example
def test_what_is_scaled_evicted_and_scraped_is_there(name: str) -> None:
    named = {(pod.kind, pod.name) for pod in pods(objects(name))}
    for one in of_kind(objects(name), "HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) in named
        scaled = next(
            found
            for found in objects(name)
            if found["metadata"]["name"] == target["name"] and found["kind"] == target["kind"]
        )
        assert "replicas" not in scaled["spec"], "Helm would set it back at each upgrade"
        if target["kind"] == "StatefulSet":
            assert one["spec"]["behavior"]["scaleDown"] == {"selectPolicy": "Disabled"}
    for one in of_kind(objects(name), "PodDisruptionBudget"):
        assert len(chosen(one["spec"]["selector"]["matchLabels"], pods(objects(name)))) == 1
    for one in of_kind(objects(name), "ServiceMonitor"):
        wanted = one["spec"]["selector"]["matchLabels"].items()
        services = [
            found for found in of_kind(objects(name), "Service") if wanted <= found["metadata"]["labels"].items()
        ]
        assert len(services) == 1, "each page is scraped once"
        ports = {port["name"] for port in services[0]["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in one["spec"]["endpoints"]} <= ports


@each_example
def test_monitors_send_where_the_gateway_is(name: str) -> None:
    for _, container in ours(name, "monitor"):
        host, _, port = environment(container)["OTEL_EXPORTER_OTLP_ENDPOINT"].partition("://")[2].partition(":")
        service, namespace, _ = host.split(".")
        assert (namespace, port) == ("orchestrator-telemetry", "4318")
        found = of_kind(objects("small" if name == "sidecar" else name), "Service")
        assert service in {one["metadata"]["name"] for one in found}


def test_the_sizes_are_what_the_readme_says() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for size in ("small", "medium", "large"):
        gateway = values(FOLDER / "examples" / f"{size}.values.yaml")["gateway"]
        row = next(line for line in readme.splitlines() if line.startswith(f"| [{size}]"))
        assert f"{gateway['memoryMiB']} MiB" in row
        assert gateway["persistence"]["size"].removesuffix("Gi") + " GiB" in row


def test_the_readmes_table_has_every_value_at_the_top() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-zA-Z]+)", readme, re.MULTILINE))
    assert told == set(values(FOLDER / "chart" / "values.yaml"))


def test_the_readmes_first_command_makes_what_the_chart_reads(tmp_path: Path) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    block = "\n".join(line[4:] for line in readme.split("\n\n")[2].splitlines())
    first, _, second = block.partition("\nhelm install ")
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho $*\ncat\n")
    (tmp_path / "kubectl").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", first], env=environ, capture_output=True, text=True, timeout=30, check=True)
    arguments, _, given = done.stdout.partition("\n")
    assert arguments == "create -f -", "no secret stands among the arguments, nor in the annotation that `apply` makes"
    namespace, secret = parsed(given)
    release, chart, _, within, *_ = second.split()
    assert (ROOT / chart / "Chart.yaml").is_file()
    assert namespace["metadata"]["name"] == secret["metadata"]["namespace"] == within == "orchestrator-telemetry"
    held = secret["stringData"]
    assert held["otlp-headers"] == f"authorization=Bearer%20{held['otlp-token']}"
    assert re.fullmatch("[0-9a-f]{64}", held["otlp-token"])
    assert re.fullmatch("[0-9a-f]{64}", held["dashboard-token"])
    read = {one for pod in pods(objects("small")) for kind in pod.containers for one in mounted_files(pod, kind)}
    assert {(name, key) for _, name, key in read} == {(secret["metadata"]["name"], key) for key in held}
    assert example("small").release == release


def test_beside_agents_the_monitor_is_of_their_user_starts_first_and_sees_their_processes() -> None:
    (pod,) = pods(objects("sidecar"))
    (monitor,) = pod.spec["initContainers"]
    assert (monitor["name"], monitor["restartPolicy"]) == ("monitor", "Always")
    assert pod.spec["shareProcessNamespace"] is True
    assert "securityContext" in pod.spec
    assert all("runAsUser" not in one["securityContext"] for one in pod.containers)
    seen = next(mount for mount in monitor["volumeMounts"] if mount["name"] == "home")
    assert seen["readOnly"] is True
    assert environment(monitor)["CLAUDE_CONFIG_DIR"].startswith(f"{seen['mountPath']}/")
