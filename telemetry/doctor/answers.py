"""What a backend's answer means, and which variable to look at where it isn't the one that was hoped for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from telemetry.collector.places import without_secrets
from telemetry.doctor.asking import FORBIDDEN, NOT_FOUND, UNAUTHORIZED, Reply, UnreachableError
from telemetry.doctor.finding import one_line
from telemetry.doctor.world import World

_ELSEWHERE = range(300, 400)
_WRONG_ADDRESS = (UNAUTHORIZED, FORBIDDEN, NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


class Arrival(StrEnum):
    """What a backend says."""

    THERE = "there"
    NOT_YET = "not yet"
    REFUSED = "refused"
    """It doesn't let us in: waiting doesn't help."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Word:
    """A backend's answer.

    Attributes:
        arrival: Whether the probe is there.
        said: What of it, or why not, in words.
        todo: What to do where it stays so.
    """

    arrival: Arrival
    said: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked.

    Attributes:
        kind: What it should be: `Loki`, `Prometheus`.
        address: The variables that say where it is.
        key: Those that say who asks; "": there are none, so that a refusal too means the wrong address.
        down: What to do where nobody answers.
    """

    kind: str
    address: str
    key: str
    down: str

    async def answer(
        self,
        world: World,
        url: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply | Word:
        """The answer where it is a success, else what it means."""
        where = without_secrets(url)
        try:
            found = await world.ask(url, method=method, params=params, headers=headers, json=body)
        except UnreachableError as error:
            return Word(Arrival.UNREACHABLE, one_line(str(error)), self.down)
        if found.status in (UNAUTHORIZED, FORBIDDEN) and self.key:
            return Word(Arrival.REFUSED, f"wrong key: {where} answered {found.status}", f"correct {self.key}")
        if found.status in _WRONG_ADDRESS:
            return Word(Arrival.REFUSED, f"wrong address: {where} answered {found.status}", f"correct {self.address}")
        if found.status in _ELSEWHERE:
            return self.another(where, f": it sends one elsewhere ({found.status}), as to a login page")
        if not found.is_success:
            said = one_line(f"{where} answered {found.status}: {found.text[:200]}")
            return Word(Arrival.UNREACHABLE, said, self.down)
        return found

    def another(self, where: str, more: str = "") -> Word:
        """Something else answers: another program, or a login page before the right one."""
        login = f", or {self.key} where a login page stands before it" if self.key else ""
        return Word(
            Arrival.REFUSED, f"what answers at {where} is no {self.kind}{more}", f"correct {self.address}{login}"
        )
