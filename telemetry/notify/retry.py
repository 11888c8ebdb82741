"""When a message that was not delivered is tried again, and when that ends. Pure but for the dice, which come in."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from telemetry.notify.base import DeliveryError
from telemetry.store.values import QueuedMessage


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how often.

    Attributes:
        first: Seconds before the second attempt; each further pause is twice the last.
        longest: The longest pause.
        gives_up_after: Seconds after which a message is not tried again.
    """

    first: float = 1.0
    longest: float = 300.0
    gives_up_after: float = 86_400.0


def after_failure(
    queued: QueuedMessage, error: DeliveryError, now: float, dice: random.Random, patience: Patience
) -> QueuedMessage:
    """The message after one more attempt that came to nothing."""
    attempts = queued.attempts + 1
    if error.final:
        return replace(queued, attempts=attempts, error=str(error), failed=True)
    if now - queued.message.created_at >= patience.gives_up_after:
        reason = f"given up after {patience.gives_up_after / 3600:g} h: {error}"
        return replace(queued, attempts=attempts, error=reason, failed=True)
    pause = min(patience.longest, patience.first * 2.0 ** min(attempts - 1, 30))
    pause *= dice.uniform(0.5, 1.0)  # many that failed together are not all tried again together
    if error.retry_after is not None:
        pause = max(error.retry_after, patience.first)  # «at once» is no answer of somebody who can't
    return replace(queued, attempts=attempts, next_at=now + pause, error=str(error))
