"""Which addresses a spec may name: it must not make the operator call whatever it likes."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def covered(address: str, allowed: Iterable[str]) -> bool | None:
    """Whether an address is allowed; None where it is no plain http(s) address.

    An entry of `allowed` is an address as one would write it in a spec, and allows everything below its path. Its host
    may be a pattern: `*` stands for any part of a name between two dots (`http://prometheus.*.svc:9090`), never for an
    address in numbers.
    """
    wanted = _split(address)
    if wanted is None:
        return None
    return any((ours := _split(entry)) is not None and _covers(ours, wanted) for entry in allowed)


def origin(address: str) -> str:
    """Scheme, host and port of a plain address, for people."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}:{_port(parts)}"


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    plain = re.fullmatch(r"[!-~]+", address) and "\\" not in address and not re.search(r"/\.\.?(/|$)|%", parts.path)
    wrong = parts.username is not None or parts.password is not None or parts.query or parts.fragment or port == 0
    if not plain or wrong or parts.scheme not in _PORTS or not parts.hostname or address.endswith(("?", "#")):
        return None
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _covers(entry: SplitResult, wanted: SplitResult) -> bool:
    if (entry.scheme, _port(entry)) != (wanted.scheme, _port(wanted)):
        return False
    below = entry.path.rstrip("/")
    if wanted.path.rstrip("/") != below and not wanted.path.startswith(f"{below}/"):
        return False
    return _host_covers((entry.hostname or "").rstrip("."), (wanted.hostname or "").rstrip("."))


def _host_covers(entry: str, wanted: str) -> bool:
    if "*" not in entry or _in_numbers(wanted):
        return entry == wanted
    pattern = "[^.]*".join(re.escape(part) for part in entry.split("*"))
    return re.fullmatch(pattern, wanted) is not None


def _in_numbers(host: str) -> bool:
    """Whether the host is an IP address in any of the forms that resolvers accept (0x7f.1, 2130706433, ::1)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host) is not None
    return True
