"""Values as JSON text for the store, and back."""

from __future__ import annotations

from typing import Any

from telemetry.model import AlertMemory, Key

_adapters: dict[type, Any] = {}


def _adapter(kind: type) -> Any:
    known = _adapters.get(kind)
    if known is None:
        from pydantic import TypeAdapter

        known = _adapters[kind] = TypeAdapter(kind)
    return known


def prepare(*kinds: type) -> None:
    """Makes now what the first value of each kind would have to wait for: some milliseconds."""
    for kind in kinds:
        _adapter(kind)


def read(kind: type, body: str) -> Any:
    """A value of that kind. Fields that a later version added get their defaults; those it dropped are passed over.

    Raises:
        ValueError: It isn't one.
    """
    return _adapter(kind).validate_json(body)


def written(value: object) -> str:
    """A frozen value as JSON."""
    text: bytes = _adapter(type(value)).dump_json(value)
    return text.decode()


def written_memory(memory: AlertMemory) -> str:
    """Its keys are pairs, which JSON has no keys for."""
    import orjson

    fires = [[*key, list(times)] for key, times in memory.fires.items()]
    return orjson.dumps({"fires": fires, "restarts": {n: list(times) for n, times in memory.restarts.items()}}).decode()


def read_memory(body: str) -> AlertMemory:
    """What `written_memory` wrote.

    Raises:
        ValueError: It isn't that.
    """
    import orjson

    try:
        held = orjson.loads(body)
        return AlertMemory(
            {Key(agent, rule): tuple(map(float, times)) for agent, rule, times in held["fires"]},
            {name: tuple(map(float, times)) for name, times in held["restarts"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a memory") from error
