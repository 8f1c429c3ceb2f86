"""The service a caller was reading about, by the address of a page."""

from random import Random
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.catalogue import find_service
from domain.documents.landing import DEFAULT_PATTERNS, Site, is_tracking_page, service_of

SEGMENTS = st.text(alphabet=ascii_lowercase + "-", min_size=1, max_size=12)
PATHS = st.lists(st.sampled_from([p.strip("/") for p in DEFAULT_PATTERNS]) | SEGMENTS, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("landing_url", "service"),
    [
        ("/apostille-fbi", "fbi"),
        ("/Apostille-FBI/?x=1", "fbi"),
        ("/apostille", "apostille"),
        ("/apostille/texas", "apostille"),
        ("/?to=/apostille-fbi", None),
        ("/", None),
        (None, None),
    ],
)
def test_scenario_29_the_landing_page_names_the_service(landing_url: str | None, service: str | None) -> None:
    assert service_of(landing_url, None) == service
    whole = landing_url and f"https://www.example.org{landing_url}"
    assert service_of(whole, None) == service


@pytest.mark.parametrize("pattern", DEFAULT_PATTERNS)
def test_every_pattern_names_a_service_of_the_catalogue(pattern: str) -> None:
    kind = find_service(DEFAULT_PATTERNS[pattern])
    assert kind is not None
    assert service_of(f"https://example.org{pattern}/", None) == kind.code


@pytest.mark.parametrize(
    ("landing_url", "service"),
    [
        ("https://example.org/en/Apostille-FBI-form/", "fbi"),
        ("https://example.org/i-9-verification", "i9"),
        ("https://example.org/blog/what-is-apostille", None),
        ("https://example.org/apostille/apostille-fbi", "fbi"),
        ("https://example.org/apostille-fbi/apostille", "fbi"),
        ("https://example.org//en///online-notary-form//", "notary"),
        ("https://example.org/%61postille", "apostille"),
        ("https://example.org/%2561postille", None),
        ("https://example.org/#/apostille", None),
        ("https://example.org/%3F/apostille", "apostille"),
        ("https://apostille.example.org", None),
        ("https://apostille", None),
        ("example.org/apostille", "apostille"),
        ("localhost:8000/apostille", "apostille"),
        ("apostille", "apostille"),
        ("  /apostille  ", "apostille"),
        ("//example.org/apostille", "apostille"),
        ("//apostille", "apostille"),
        ("http://[broken", None),
        ("%", None),
        ("\ud800/apostille", "apostille"),
    ],
)
def test_only_the_beginnings_of_path_segments_count(landing_url: str, service: str | None) -> None:
    assert service_of(landing_url, None) == service


def test_the_page_of_the_lead_is_read_only_where_the_landing_page_is_blank() -> None:
    for blank in (None, "", "  "):
        assert service_of(blank, "https://example.org/apostille") == "apostille"
    assert service_of("https://example.org/", "https://example.org/apostille") is None


def test_other_hosts_name_no_service_once_ours_are_known() -> None:
    site = Site(hosts=frozenset({"www.Example.org", "documents.example"}))
    for host in ("example.org", "WWW.EXAMPLE.ORG", "example.org:8443", "user@example.org.", "documents.example"):
        assert site.service_of(f"https://{host}/apostille", None) == "apostille"
    assert site.service_of("https://elsewhere.example/apostille", None) is None
    assert site.service_of("elsewhere.example/apostille", "https://example.org/apostille") is None
    assert site.service_of("/apostille", None) == "apostille"


def test_an_operators_patterns_may_lack_slashes_and_order() -> None:
    patterns = {"Visa": "embassy", "/": "quote", "/visa/brazil/": "translation"}
    assert service_of("/visa", None, patterns=patterns) == "embassy"
    assert service_of("/visa/brazil-2026", None, patterns=patterns) == "translation"
    assert service_of("/", None, patterns=patterns) is None


@given(PATHS, st.randoms(use_true_random=False))
def test_the_order_of_the_patterns_makes_no_difference(path: str, random: Random) -> None:
    shuffled = list(DEFAULT_PATTERNS.items())
    random.shuffle(shuffled)
    assert service_of(f"/{path}", None, patterns=dict(shuffled)) == service_of(f"/{path}", None)


@given(PATHS, st.text(), st.text())
def test_query_and_fragment_make_no_difference(path: str, query: str, fragment: str) -> None:
    assert service_of(f"/{path}?{query}#{fragment}", None) == service_of(f"/{path}", None)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert service_of(text, text) in {*DEFAULT_PATTERNS.values(), None}
    assert is_tracking_page(text) in {True, False}


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://example.org/tracking/ABC", True),
        ("/tracking/ABC", True),
        ("/en/Tracking-status", True),
        ("/tracking", True),
        ("/order-tracking", False),
        ("/?page=/tracking", False),
        ("https://tracking.example.org/", False),
        (None, False),
    ],
)
def test_a_tracking_page_is_recognised(url: str | None, answer: bool) -> None:
    assert is_tracking_page(url) is answer
