"""One metric, one log record and one span, as OTLP JSON that names each other, sent over HTTP."""

from __future__ import annotations

import time
from typing import Any

import httpx

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def attributes(**values: str | int) -> list[dict[str, Any]]:
    return [
        {
            "key": key.replace("__", "."),
            "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)},
        }
        for key, value in values.items()
    ]


RESOURCE = {
    "attributes": attributes(service__name="orchestrator-cc", service__instance__id="host-1", host__name="host-1")
}


def now() -> str:
    return str(time.time_ns())


def send(base: str, signal: str, payload: dict[str, Any], **headers: str) -> int:
    """The status of the answer."""
    return httpx.post(f"{base}/v1/{signal}", json=payload, headers=headers, timeout=10, trust_env=False).status_code


def metrics(restarts: int = 1, start: str = "1700000000000000000") -> dict[str, Any]:
    point = {
        "timeUnixNano": now(),
        "startTimeUnixNano": start,
        "attributes": attributes(agent_name="grand_boss", cluster="main"),
    }
    return {
        "resourceMetrics": [
            {
                "resource": RESOURCE,
                "scopeMetrics": [
                    {
                        "scope": {"name": "orchestrator-telemetry", "version": "0.1.0"},
                        "metrics": [
                            {
                                "name": "orchestrator.agent.up",
                                "unit": "{agent}",
                                "gauge": {"dataPoints": [point | {"asInt": "1"}]},
                            },
                            {
                                "name": "orchestrator.agent.idle_time",
                                "unit": "s",
                                "gauge": {"dataPoints": [point | {"asDouble": 1.5}]},
                            },
                            {
                                "name": "orchestrator.agent.restarts",
                                "unit": "{restart}",
                                "sum": {
                                    "aggregationTemporality": 2,
                                    "isMonotonic": True,
                                    "dataPoints": [point | {"asInt": str(restarts)}],
                                },
                            },
                        ],
                    }
                ],
            }
        ]
    }


def logs(body: str = "Agent stopped", **extra: str | int) -> dict[str, Any]:
    record = {
        "timeUnixNano": now(),
        "observedTimeUnixNano": now(),
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": {"stringValue": body},
        "eventName": "orchestrator.agent.stopped",
        "attributes": attributes(
            record_id="01J0000000000000000000000A", agent_name="grand_boss", cluster="main", **extra
        ),
        "traceId": TRACE,
        "spanId": SPAN,
        "flags": 1,
    }
    return {
        "resourceLogs": [
            {"resource": RESOURCE, "scopeLogs": [{"scope": {"name": "telemetry"}, "logRecords": [record]}]}
        ]
    }


def traces() -> dict[str, Any]:
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "orchestrator.check",
        "kind": 1,
        "startTimeUnixNano": now(),
        "endTimeUnixNano": now(),
    }
    return {
        "resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"scope": {"name": "telemetry"}, "spans": [span]}]}]
    }
