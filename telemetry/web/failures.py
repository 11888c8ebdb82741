"""How often an address showed a wrong token: so many tries at once, then one every few seconds."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

MOST = 10
"""Tries at once."""
EVERY = 6.0
"""Seconds for which each counts."""
MOST_ADDRESSES = 10_000


@dataclass
class Failures:
    """Counts wrong tokens only: whoever shows right ones is never counted. Times are Unix seconds."""

    _free_at: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """By address: when everything it did is forgotten. The newest come last."""

    def wait(self, address: str, now: float) -> float:
        """Seconds until that address may try again; 0: it may now."""
        left = min(self._free_at.get(group(address), now) - now, MOST * EVERY)  # more where the clock was set back
        return max(0.0, left - (MOST - 1) * EVERY)

    def count(self, address: str, now: float) -> bool:
        """One more wrong token; whether it was the last that this address had for now."""
        key = group(address)
        before = min(max(self._free_at.get(key, now), now), now + MOST * EVERY)
        self._free_at[key] = before + EVERY
        self._free_at.move_to_end(key)
        while len(self._free_at) > MOST_ADDRESSES:
            self._free_at.popitem(last=False)
        return before + EVERY - now > (MOST - 1) * EVERY

    def __len__(self) -> int:
        return len(self._free_at)


def group(address: str) -> str:
    """Who counts as one: an IPv4 address, or all that one IPv6 network of 64 bits holds, which anybody has whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
