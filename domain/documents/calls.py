"""What the call-tracking service tells us: whose call it is, and what it changes."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec

from domain.documents.call_events import caller_claim, lead_claim, open_call_claims
from domain.documents.call_facts import CallPost, Told
from domain.documents.call_lead import CallLead
from domain.documents.call_post import Refuse, identified, read_call, verdict
from domain.documents.call_refusals import CallLeadNotFound
from domain.documents.landing import Site
from domain.ledger import Ledger, UnknownStream
from domain.sealed import Erased
from domain.shared.receipt import Receipt, Verdict

SOURCE = "whatconverts"
NAMESPACE = UUID("5f0c1c1e-8a34-5a0b-9d62-64a0a3f1d7b2")
NOT_USED_YET = ("lead_type_missing", "spam")
"""Causes for which a message is ignored that still counts once its call has a lead."""
SAME_MICROSECOND = 4096

Earlier = Callable[[str], Sequence[Receipt]]


def judge_call(
    ledger: Ledger, receipt: Receipt, *, site: Site, window_days: int, now: datetime, earlier: Earlier
) -> Verdict:
    """What one message means: for the lead that has its call, for another open lead of the caller, or for a new one.

    `earlier(lead_id)` are the messages about a call that were ignored for a cause of `NOT_USED_YET`.
    """
    post = read_receipt(ledger, receipt)
    owner = ledger.owner(lead_claim(post.lead_id)) if post and post.lead_id else None
    no = verdict(post, known=owner is not None)
    if no is not None:
        return Verdict("refused" if isinstance(no, Refuse) else "ignored", no.cause)
    if post is None or post.lead_id is None:
        raise RuntimeError("A message without a call has been refused.")
    told = told_by(receipt, post)
    if owner is not None:
        return _more(ledger, ledger.load(CallLead, owner), post, told, site=site)
    posts = [(post, told)]
    for known in earlier(post.lead_id):
        if known.id != receipt.id and (read := read_receipt(ledger, known)):
            posts.append((read, told_by(known, read)))
    return _first(ledger, sorted(posts, key=lambda pair: pair[1]), site=site, window_days=window_days, now=now)


def _more(ledger: Ledger, lead: CallLead, post: CallPost, told: Told, *, site: Site) -> Verdict:
    """One more message about a call that has a lead."""
    services = {lead.service, site.service_of(post.words.landing_url, post.words.lead_url)}
    busy = held_by_others(ledger, lead, services, (post,))
    changed = lead.receive(post, told, site=site, busy=busy, introduces=_introduces(ledger, post))
    if changed:
        return Verdict("acted_on", changed=(lead,))
    return Verdict("ignored", "no_change", changed=(lead,) if lead.pending else ())


def _first(
    ledger: Ledger, posts: Sequence[tuple[CallPost, Told]], *, site: Site, window_days: int, now: datetime
) -> Verdict:
    """The first messages about a call: the same caller again, or a new lead."""
    service = site.service_of(posts[0][0].words.landing_url, posts[0][0].words.lead_url)
    services = {site.service_of(post.words.landing_url, post.words.lead_url) for post, _ in posts}
    said = [post for post, _ in posts]
    lapsed: list[CallLead] = []
    for known in _open_leads(ledger, service, said):
        if known.is_open(now, window_days):
            free = {known.id, *(old.id for old in lapsed)}
            busy = _busy(ledger, {known.service}, [*_heard(known), *said], free=free)
            return _again(known, posts, site=site, busy=busy, lapsed=lapsed, introduces=_introduces(ledger, said[0]))
        known.lapse()
        lapsed.append(known)
    id = uuid5(NAMESPACE, said[0].lead_id or "")
    busy = _busy(ledger, services, said, free={id, *(known.id for known in lapsed)})
    lead = CallLead.begin(id, posts, site=site, busy=busy, introduces=_introduces(ledger, said[0]))
    return Verdict("acted_on", changed=(*lapsed, lead))


def _again(
    lead: CallLead,
    posts: Sequence[tuple[CallPost, Told]],
    *,
    site: Site,
    busy: Collection[str],
    lapsed: Sequence[CallLead],
    introduces: str | None,
) -> Verdict:
    (post, told), *later = posts
    lead.call_again(post, told, busy=busy, introduces=introduces)
    for post, told in later:
        lead.receive(post, told, site=site, busy=busy)
    return Verdict("acted_on", changed=(*lapsed, lead))


def _open_leads(ledger: Ledger, service: str | None, posts: Iterable[CallPost]) -> Iterator[CallLead]:
    """Who holds the caller's claims, found by the phone first."""
    claims = [claim for post in posts for claim in _claims(service, post)]
    owners = (ledger.owner(claim) for claim in sorted(claims, key=lambda claim: claim.startswith("open_call_email:")))
    for owner in dict.fromkeys(owner for owner in owners if owner is not None):
        yield ledger.load(CallLead, owner)


def _claims(service: str | None, post: CallPost) -> Iterator[str]:
    return open_call_claims(service, phone_hash=post.details.phone_hash, email_hash=post.details.email_hash)


def held_by_others(
    ledger: Ledger, lead: CallLead, services: Iterable[str | None] = (), posts: Iterable[CallPost] = ()
) -> frozenset[str]:
    """The claims that this lead could want and another lead has."""
    return _busy(ledger, {lead.service, *services}, [*_heard(lead), *posts], free={lead.id})


def _heard(lead: CallLead) -> list[CallPost]:
    return [CallPost(details=call.details) for call in lead.calls.by_id.values()]


def _busy(
    ledger: Ledger, services: Iterable[str | None], posts: Sequence[CallPost], *, free: set[UUID]
) -> frozenset[str]:
    wanted = {claim for post in posts for service in services for claim in _claims(service, post)}
    return frozenset(claim for claim in wanted if ledger.owner(claim) not in (None, *free))


def _introduces(ledger: Ledger, post: CallPost) -> str | None:
    """The claim on the caller's number where nobody has called from it before."""
    claim = caller_claim(post.details.phone_hash) if post.details.phone_hash else None
    return claim if claim and ledger.owner(claim) is None else None


def read_receipt(ledger: Ledger, receipt: Receipt) -> CallPost | None:
    """The message in a receipt, its caller identified; None where it is no object. Raises `Erased`."""
    try:
        body = msgspec.json.decode(receipt.body.open())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    post = read_call(body)
    return identified(post, blind=ledger.blind) if post else None


def told_by(receipt: Receipt, post: CallPost) -> Told:
    """How new a message is: its own time, then the time its receipt arrived, and what is left to the receipt's id."""
    arrived = int(receipt.arrived_at.timestamp() * 1_000_000)
    return post.told(
        arrived_at=receipt.arrived_at, position=arrived * SAME_MICROSECOND + receipt.id.int % SAME_MICROSECOND
    )


def message_id(body: bytes) -> str:
    """The id of a message, which brings none: its call's, and the digest of what it says however it is laid out."""
    try:
        said = msgspec.json.decode(body)
        lead_id = (read_call(said) or CallPost()).lead_id or ""
        plain = msgspec.json.encode(said, order="sorted")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        lead_id, plain = "", body
    return f"{lead_id}:{sha256(plain).hexdigest()}"


def find_call(ledger: Ledger, id: UUID) -> CallLead:
    """The lead; raises `CallLeadNotFound`, also when the person has been erased."""
    try:
        return ledger.load(CallLead, id)
    except (UnknownStream, Erased):
        raise CallLeadNotFound from None


def find_told_call(ledger: Ledger, receipt: Receipt) -> CallLead | None:
    """The lead that a message is about, for the answer to it."""
    with suppress(Erased):
        return told_call(ledger, receipt)
    return None


def told_call(ledger: Ledger, receipt: Receipt) -> CallLead | None:
    """The same; raises `Erased`."""
    post = read_receipt(ledger, receipt)
    owner = ledger.owner(lead_claim(post.lead_id)) if post and post.lead_id else None
    return ledger.load(CallLead, owner) if owner else None
