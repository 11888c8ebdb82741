"""The rendered examples of deploy/kubernetes, and what in them refers to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tools.kubernetes import EXAMPLES, FOLDER, Example

Object = dict[str, Any]
"""One object of Kubernetes, as its API has it."""
NAMES = [example.name for example in EXAMPLES]
WITH_PODS = ("StatefulSet", "Deployment", "DaemonSet")
SECRETS = "/run/secrets/"


class Pod(NamedTuple):
    """The pods of one object: which it is, what they are, their labels."""

    kind: str
    name: str
    spec: Object
    labels: dict[str, str]
    claims: tuple[str, ...]

    @property
    def containers(self) -> list[Object]:
        """All of them, those that start first too."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    def ours(self, name: str) -> Object:
        """The container `collector` or `monitor`."""
        return next(one for one in self.containers if one["name"] == name)


@cache
def example(name: str) -> Example:
    """By its name."""
    return next(one for one in EXAMPLES if one.name == name)


@cache
def objects(name: str) -> tuple[Object, ...]:
    """All objects of a rendered example."""
    return parsed(example(name).rendered(FOLDER).read_text(encoding="utf-8"))


def parsed(text: str) -> tuple[Object, ...]:
    """The objects in what `helm template` writes."""
    return tuple(one for one in yaml.safe_load_all(text) if one)


def of_kind(found: Iterable[Object], *kinds: str) -> list[Object]:
    """Those of some kinds."""
    return [one for one in found if one["kind"] in kinds]


def pods(found: Iterable[Object]) -> list[Pod]:
    """What of them runs."""
    return [
        Pod(
            one["kind"],
            one["metadata"]["name"],
            one["spec"]["template"]["spec"],
            one["spec"]["template"]["metadata"]["labels"],
            tuple(claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", ())),
        )
        for one in of_kind(found, *WITH_PODS)
    ]


def ours(name: str, container: str) -> list[tuple[Pod, Object]]:
    """The containers of that name, `collector` or `monitor`, with their pods."""
    return [(pod, one) for pod in pods(objects(name)) for one in pod.containers if one["name"] == container]


def chosen(selector: dict[str, str] | None, among: Iterable[Pod]) -> list[Pod]:
    """The pods whose labels have all that a selector says."""
    return [pod for pod in among if (selector or {}).items() <= pod.labels.items()]


def environment(container: Object, node: str = "node-1") -> dict[str, str]:
    """What its process would find, on a node of that name."""
    found: dict[str, str] = {}
    for one in container["env"]:
        value = one.get("value", node if "valueFrom" in one else "")
        for name, earlier in found.items():
            value = value.replace(f"$({name})", earlier)
        found[one["name"]] = value
    return found


def mounted_files(pod: Pod, container: Object) -> Iterator[tuple[str, str, str]]:
    """The files of secrets that a container sees: the path, and the Secret and the key it comes from."""
    volumes = {one["name"]: one for one in pod.spec["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes.get(mount["name"], {})
        for source in volume.get("projected", {}).get("sources", ()):
            for item in source["secret"]["items"]:
                yield f"{mount['mountPath']}/{item['path']}", source["secret"]["name"], item["key"]
        if secret := volume.get("secret"):
            items = secret.get("items") or [{"key": key, "path": key} for key in ("tls.crt", "tls.key", "ca.crt")]
            for item in items:
                yield f"{mount['mountPath']}/{item['path']}", secret["secretName"], item["key"]


@cache
def values(file: Path) -> Object:
    """A file of values; not to be changed."""
    found: Object = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def laid_over(below: Object, above: Object) -> Object:
    """Values as Helm joins them: maps are joined, anything else is replaced."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        joined[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return joined
