"""Who is speaking: the resource of every signal."""

from __future__ import annotations

import os
import socket
import uuid
from typing import TYPE_CHECKING

from telemetry.signals.semconv import SERVICE_NAME

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

_NAMESPACE = uuid.UUID("6f1c9a52-3a0e-4b7e-9a53-0b8f5a0f7c11")
"""Of `service.instance.id`: made once for this project."""


def instance_id(host: str, instance: str) -> str:
    """A `service.instance.id` that stays the same across restarts: of the host and the monitor's store."""
    return str(uuid.uuid5(_NAMESPACE, f"{host}\0{instance}"))


def own_version() -> str:
    """Of this program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("orchestrator-telemetry")
    except PackageNotFoundError:  # run from a checkout that isn't installed
        return "0+checkout"


def build_resource(*, instance: str = "", environment: str = "") -> Resource:
    """The resource; whatever OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins over ours.

    `service.namespace` stays unset, so that `job` is `orchestrator-cc` on every way into Prometheus.
    """
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    host = socket.gethostname()
    ours: dict[str, str | int] = {
        "service.name": SERVICE_NAME,
        "service.version": own_version(),
        "service.instance.id": instance_id(host, instance),
        "host.name": host,
        "process.pid": os.getpid(),
    }
    if environment:
        ours["deployment.environment.name"] = environment
    # create() puts the environment under ours; merging the detector's once more puts it on top
    return Resource.create(ours).merge(OTELResourceDetector().detect())
