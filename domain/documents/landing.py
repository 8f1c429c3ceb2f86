"""Which service a caller was reading about, told by the page the visit began on."""

import re
from collections.abc import Mapping, Set
from types import MappingProxyType
from urllib.parse import unquote

import msgspec

DEFAULT_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "/triple-seal-marriage": "marriage",
        "/translation-services": "translation",
        "/embassy-legalization": "embassy",
        "/online-notary-form": "notary",
        "/apostille-fbi": "fbi",
        "/apostille": "apostille",
        "/i-9": "i9",
    }
)
"""Beginning of a path segment, to kind code. The homepage stands for no service."""

TRACKING = "tracking"

_ADDRESS = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*:)?//)?(?P<head>[^/?#]*)(?P<path>[^?#]*)", re.IGNORECASE)
_LIKE_A_HOST = re.compile(r"[^.]\.[^.]|:[0-9]+$|^localhost$", re.IGNORECASE)
_PORT = re.compile(r":[0-9]*$")


class Site(msgspec.Struct, frozen=True):
    """What an operator says of the company's pages: where services are, and which hosts count (none given: all)."""

    patterns: Mapping[str, str] = DEFAULT_PATTERNS
    hosts: Set[str] = frozenset()

    def service_of(self, landing_url: str | None, lead_url: str | None) -> str | None:
        """The kind code of the service, None where the pages name none."""
        return service_of(landing_url, lead_url, patterns=self.patterns, hosts=self.hosts)


def service_of(
    landing_url: str | None,
    lead_url: str | None,
    *,
    patterns: Mapping[str, str] = DEFAULT_PATTERNS,
    hosts: Set[str] = frozenset(),
) -> str | None:
    """Return a kind code; the second address is read only where the first is blank (spec: service by landing URL).

    A pattern fits where a path segment begins with it, and the longest that fits wins. Pages of other hosts than
    `hosts` name no service, unless it is empty; an address without a host always counts.
    """
    host, path = _read(landing_url if landing_url and landing_url.strip() else lead_url or "")
    if host and hosts and host not in {_bare_host(ours) for ours in hosts}:
        return None
    fitting = {pattern: kind for given, kind in patterns.items() if (pattern := _plain_path(given)) in path}
    fitting.pop("/", None)
    return fitting[max(fitting, key=lambda pattern: (len(pattern), pattern))] if fitting else None


def is_tracking_page(url: str | None) -> bool:
    """Tell whether the visit began on a customer's tracking page: such a caller is no new lead."""
    _, path = _read(url or "")
    return f"/{TRACKING}" in path


def _read(url: str) -> tuple[str, str]:
    """Host, if there is one, and plain path of an address that may lack its scheme or its host."""
    address = _ADDRESS.match(url.strip())
    scheme, head, path = address.group("scheme", "head", "path") if address else (None, "", "")
    # "example.org/apostille" has a host, "apostille" has none: without a scheme only its looks can tell.
    if scheme or _LIKE_A_HOST.search(head):
        return _bare_host(head), _plain_path(unquote(path))
    return "", _plain_path(unquote(f"{head}{path}"))


def _bare_host(host: str) -> str:
    return _PORT.sub("", host.rpartition("@")[2].lower()).rstrip(".").removeprefix("www.")


def _plain_path(path: str) -> str:
    """The path in lower case, with one slash before each segment and none after the last."""
    return "/" + "/".join(segment for segment in path.lower().split("/") if segment)
