"""The one way out to vendors: an HTTP session that never waits for long, never wanders, and never tells."""

import io
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, TimeoutError

from adapters.metrics import VENDOR_SECONDS
from domain.ledger import present_correlation
from domain.shared.errors import Unreachable

TIMEOUT_SECONDS = 10.0
CONNECTIONS = 32
PIECE_BYTES = 64 * 1024
LONGEST_PAUSE_SECONDS = 24 * 3600.0


class Session(requests.Session):
    """A `requests.Session` for many threads; whatever keeps an answer from arriving whole is `Unreachable`.

    `timeout` in seconds bounds the connecting, every silence and the reading of the answer; a call may set its own.
    Redirects are answers like any other, cookies are not kept, and no error carries a URL, a header or a body. A call
    carries the correlation of the present act as `X-Request-Id`; `vendor` is what figures call the other side.
    """

    def __init__(self, *, timeout: float = TIMEOUT_SECONDS, vendor: str = "other") -> None:
        super().__init__()
        self.timeout, self._vendor = timeout, vendor
        self.headers["User-Agent"] = "Daybook"
        # With no `auth` of ours, a .netrc file of the account we run under would replace a vendor's Authorization.
        self.auth = _unchanged
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: nothing leads anywhere."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        limit = float(kwargs.pop("timeout", None) or self.timeout)
        if correlation := present_correlation():
            request.headers["X-Request-Id"] = correlation
        began, came = monotonic(), "none"
        try:
            answer = super().send(request, **kwargs | {"timeout": limit, "stream": True})
            whole = _read_whole(answer, until=monotonic() + limit)
            came = f"{whole.status_code // 100}xx"
            return whole
        except (requests.Timeout, TimeoutError):
            raise Unreachable("no answer in time") from None
        except requests.exceptions.SSLError:
            raise Unreachable("its certificate is not to be trusted") from None
        except (requests.RequestException, HTTPError):
            raise Unreachable("the connection failed") from None
        finally:
            VENDOR_SECONDS.labels(self._vendor, came).observe(monotonic() - began)


def pause_asked(answer: requests.Response) -> float | None:
    """The seconds of a `Retry-After` header, at most a day; None without one (its form as a date is not read)."""
    value = answer.headers.get("Retry-After", "").strip()
    return min(float(value), LONGEST_PAUSE_SECONDS) if value.isascii() and value.isdecimal() else None


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read_whole(answer: requests.Response, *, until: float) -> requests.Response:
    """Read what arrives as it arrives: a socket's own timeout never ends an answer that comes drop by drop."""
    body = io.BytesIO()
    while piece := answer.raw.read1(PIECE_BYTES, decode_content=True):
        body.write(piece)
        if monotonic() > until:
            answer.close()
            raise TimeoutError
    answer.raw.release_conn()
    body.seek(0)
    answer.raw = body
    return answer
