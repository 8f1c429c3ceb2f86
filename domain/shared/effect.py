"""Work asked of the outside world, and what became of it."""

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID, uuid5

import msgspec

from domain.consequences import Close, Open, Postpone
from domain.ledger import Aggregate, Event
from domain.sealed import Sealed

NAMESPACE = UUID("6f0f8a52-6d9e-5f35-9a43-2f7f3c1d8a10")
RETRY_AFTER_SECONDS = (3, 6, 12, 24, 48)
LONGEST_PAUSE_SECONDS = 60


class Outcome(msgspec.Struct, frozen=True):
    """What the vendor calls the result, and the aggregates that learnt something from it."""

    proof: str
    learnt: tuple[Aggregate, ...] = ()


class NotYet(Exception):
    """The effect cannot be carried out yet: what it needs comes with time, or with another event."""

    def __init__(self, reason: str, *, until: datetime, learnt: tuple[Aggregate, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.until, self.learnt = reason, until, learnt


class NotGivenUp(Exception):
    """Only an effect that was given up can be rung again."""


class Effect(Aggregate, name="effect"):
    """One thing to be done at one vendor for one subject: asked for once, done once."""

    class Requested(Event, frozen=True):
        """`about` holds references (a file id, an event version), never personal data."""

        effect: UUID
        subject: UUID
        channel: str
        kind: str
        about: dict[str, str] = msgspec.field(default_factory=dict)
        due_at: datetime | None = None

        def work(self) -> Open:
            return Open(self.effect, self.subject, self.channel, self.kind, self.due_at or self.at)

    class Prepared(Event, frozen=True):
        """What will be sent, rendered once, so that every attempt sends the same bytes."""

        content: Sealed[str]

    class AttemptFailed(Event, frozen=True):
        effect: UUID
        attempt: int
        reason: str
        retry_at: datetime | None = None

        def work(self) -> Postpone | None:
            return Postpone(self.effect, self.retry_at) if self.retry_at else None

    class PutOff(Event, frozen=True):
        """Not an attempt: what it needs is not there yet, or the vendor asked for a long pause."""

        effect: UUID
        reason: str
        until: datetime

        def work(self) -> Postpone:
            return Postpone(self.effect, self.until)

    class Done(Event, frozen=True):
        """`proof` is what the vendor calls the result: a record id, a message id."""

        effect: UUID
        proof: str

        def work(self) -> Close:
            return Close(self.effect)

    class GivenUp(Event, frozen=True):
        effect: UUID
        reason: str

        def work(self) -> Close:
            return Close(self.effect)

    class Reported(Event, frozen=True):
        """What the vendor told later of a mail it had accepted; `wire_id` is the Message-ID it went out under."""

        outcome: str
        reason: str | None = None
        wire_id: str | None = None

    class RungAgain(Event, frozen=True):
        """Staff want it tried once more, from the first attempt on."""

        effect: UUID
        subject: UUID
        channel: str
        kind: str

        def work(self) -> Open:
            return Open(self.effect, self.subject, self.channel, self.kind, self.at, urgent=True)

    requested: Requested
    channel: str
    kind: str
    about: dict[str, str]
    attempts = 0
    content: Sealed[str] | None = None
    proof: str | None = None
    given_up: str | None = None
    rung_again = False
    outcomes: frozenset[str] = frozenset()
    wire_id: str | None = None

    @property
    def subject(self) -> UUID:
        return self.requested.subject

    @property
    def settled(self) -> bool:
        """Nothing more will be tried unless somebody rings again."""
        return self.proof is not None or self.given_up is not None

    @classmethod
    def request(
        cls,
        because: Event,
        *,
        channel: str,
        kind: str,
        key: str = "",
        about: dict[str, str] | None = None,
        due_at: datetime | None = None,
    ) -> Self:
        """Ask for `kind` on behalf of the stream `because` belongs to.

        The id comes from subject, kind and `key`: asking twice for the same collides instead of happening twice. What
        may recur passes the event's version as `key`. `due_at` is when a runner takes it up by itself; a caller who
        needs the outcome may carry it out at once.
        """
        effect = cls(effect_id(because.stream, kind=kind, key=key))
        effect.happened(
            cls.Requested(
                effect=effect.id,
                subject=because.stream,
                channel=channel,
                kind=kind,
                about=about or {},
                due_at=due_at,
                cause=because.reference,
            )
        )
        return effect

    def prepare(self, content: str) -> None:
        """Keep what will be sent; the first rendering stands."""
        if self.content is None:
            self.happened(self.Prepared(content=Sealed(content)))

    def finish(self, *, proof: str) -> None:
        """The vendor accepted."""
        if not self.settled:
            self.happened(self.Done(effect=self.id, proof=proof))

    def fail(self, *, reason: str, now: datetime, retry_after: float = 0) -> None:
        """The vendor did not answer or asked to come later: try again on schedule, then give up.

        A pause of more than a minute asked for by the vendor puts the effect off without using up an attempt.
        """
        if self.settled:
            return
        if retry_after > LONGEST_PAUSE_SECONDS:
            self.put_off(reason=reason, until=now + timedelta(seconds=retry_after))
            return
        attempt = self.attempts + 1
        if attempt > len(RETRY_AFTER_SECONDS):
            self.happened(self.AttemptFailed(effect=self.id, attempt=attempt, reason=reason))
            self.give_up(reason=f"no answer after {attempt} attempts: {reason}")
        else:
            wait = max(RETRY_AFTER_SECONDS[attempt - 1], retry_after)
            retry_at = now + timedelta(seconds=wait)
            self.happened(self.AttemptFailed(effect=self.id, attempt=attempt, reason=reason, retry_at=retry_at))

    def put_off(self, *, reason: str, until: datetime) -> None:
        """Try later; what it waits for is named in `reason`."""
        if not self.settled:
            self.happened(self.PutOff(effect=self.id, reason=reason, until=until))

    def give_up(self, *, reason: str) -> None:
        """The vendor said no, or it is no longer wanted."""
        if not self.settled:
            self.happened(self.GivenUp(effect=self.id, reason=reason))

    def report(self, *, outcome: str, reason: str | None, wire_id: str | None, happened_at: datetime | None) -> bool:
        """Note what became of it at the vendor; False when nothing of this is new."""
        if outcome in self.outcomes and (wire_id is None or wire_id == self.wire_id):
            return False
        self.happened(self.Reported(outcome=outcome, reason=reason, wire_id=wire_id, happened_at=happened_at))
        return True

    def ring_again(self) -> None:
        """Put a given-up effect back on the list; raises `NotGivenUp`."""
        if self.given_up is None:
            raise NotGivenUp(f"Effect {self.id} was not given up.")
        self.happened(
            self.RungAgain(effect=self.id, subject=self.requested.subject, channel=self.channel, kind=self.kind)
        )

    def apply(self, event: Event) -> None:
        match event:
            case Effect.Requested(channel=channel, kind=kind, about=about):
                self.requested, self.channel, self.kind, self.about = event, channel, kind, about
            case Effect.Prepared(content=content):
                self.content = content
            case Effect.AttemptFailed(attempt=attempt):
                self.attempts = attempt
            case Effect.Done(proof=proof):
                self.proof = proof
            case Effect.GivenUp(reason=reason):
                self.given_up = reason
            case Effect.Reported(outcome=outcome, wire_id=wire_id):
                self.outcomes |= {outcome}
                self.wire_id = wire_id or self.wire_id
            case Effect.RungAgain():
                self.given_up, self.attempts, self.rung_again = None, 0, True


def effect_id(subject: UUID | str, *, kind: str, key: str = "") -> UUID:
    """The id of the effect `kind` (and `key`) of this subject (a UUID or its text)."""
    return uuid5(NAMESPACE, f"{subject}/{kind}/{key}")
