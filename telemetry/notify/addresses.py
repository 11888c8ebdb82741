"""Where something may be sent to, and what of a URL is a secret.

Settings can name any URL, and a name can resolve to anything. An address at which only this machine's own link or its
cloud's metadata service answers is refused: written out when settings are read, resolved when something is sent.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Sequence
from urllib.parse import SplitResult, unquote, urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its addresses. Raises OSError where it has none."""

REFUSED = "where nothing is sent to: it is link-local or a cloud's metadata service"
_SHORTEST_SECRET = 5
_FORBIDDEN = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10"),
        *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),  # metadata of Alibaba, Oracle, Azure
        *("fd00:ec2::254/128", "fd20:ce::254/128"),  # of AWS, Google
    )
)
_FORBIDDEN_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal")
"""A proxy would resolve them for us."""
_HOLDS_IPV4 = tuple(ipaddress.ip_network(network) for network in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48"))
"""IPv6 whose last 32 bits are an IPv4 address: compatible as it once was, and through NAT64."""


def is_forbidden(address: IpAddress) -> bool:
    """Whether nothing is sent there: link-local or cloud metadata, also wrapped up in IPv6."""
    return any(form in network for form in _forms(address) for network in _FORBIDDEN)


def _forms(address: IpAddress) -> Iterator[IpAddress]:
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _HOLDS_IPV4):
            yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        yield from filter(None, (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())))


def literal(host: str) -> IpAddress | None:
    """The address that a host spells out, as any resolver reads it (`2852039166`, `0xa9.254.43518`), or None."""
    host = _plain(host).partition("%")[0]
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _plain(host: str) -> str:
    return unicodedata.normalize("NFKC", host).replace("。", ".").rstrip(".").lower()


def check_url(url: str, *, userinfo: bool = False) -> SplitResult:
    """The parts of a URL that something may be sent to.

    Args:
        url: Of http or https.
        userinfo: It may hold a user and a password.

    Raises:
        ValueError: It may not be used; says why, without the URL.
    """
    if not url.isprintable() or re.search(r"[\s\\<>\"]", url):
        raise ValueError("the URL holds a character that none can hold")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # whose text quotes parts of the URL
        usable = False
    if not usable:
        raise ValueError("it is not the URL of a server, with http or https")
    if not userinfo and "@" in parts.netloc:
        raise ValueError("the URL may hold no user name")
    host = str(parts.hostname)
    if spelled := spells_forbidden(host):
        raise ValueError(f"the URL's host is {spelled}, {REFUSED}")
    return parts


def spells_forbidden(host: str) -> str:
    """The address or the name that a host spells out, if nothing is sent there, else "". Looks nothing up."""
    if (name := _plain(host)) in _FORBIDDEN_NAMES:
        return name
    address = literal(host)
    return str(address) if address is not None and is_forbidden(address) else ""


def forbidden_address(host: str) -> str:
    """The address at which a host is, if nothing is sent there, else "". Blocks while the name is looked up."""
    if (spelled := spells_forbidden(host)) or literal(host) is not None:
        return spelled
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # whoever connects will say so
    addresses = [str(entry[4][0]) for entry in found]
    return next((text for text in addresses if (held := literal(text)) and is_forbidden(held)), "")


async def resolve(host: str, port: int) -> Sequence[str]:
    """The host's addresses, in the order in which the system wants them tried."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def pieces(url: str) -> set[str]:
    """Whatever of a URL gives it away, in the forms in which a server may repeat it; not its host."""
    netloc = urlsplit(url).netloc
    target = url.partition("//")[2][len(netloc) :]
    user, _, password = netloc.rpartition("@")[0].partition(":")
    login = f"{unquote(user)}:{unquote(password)}"
    found = {url, target, user, login, base64.b64encode(login.encode()).decode(), *re.split(r"[/?&=#;]", target)}
    found |= {unquote(piece) for piece in found}
    return {piece for piece in found if len(piece) >= _SHORTEST_SECRET} | {unquote(password), password} - {""}
