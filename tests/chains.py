"""A small log with its chain, and whoever tampers with it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

from adapters.proof.chain import PURPOSE, Seal
from adapters.proof.following import Following
from adapters.proof.keeper import Keeper
from adapters.proof.tables import open_tables
from adapters.proof.verifying import Report, Verification
from adapters.store.log import SqlLog
from domain.ledger import Ledger
from domain.shared.erasure import erase_all
from domain.shared.receipt import Receipt, receive
from tests.sample_trees import NOW, Tree, gardening, grow, inspections, new_tree
from tests.store_samples import EVERYTHING, open_log, sql

EVERY = 10


class Chained:
    """A log of trees, a keeper that makes a checkpoint every ten events, and a clock to be moved."""

    def __init__(self, url: str, log: SqlLog) -> None:
        self.url, self.log, self.now = url, log, NOW
        self.tables = open_tables(url)
        self.tables.install()
        self.keeper = self.new_keeper()

    def new_keeper(self) -> Keeper:
        """Another keeper, as in another process."""
        return Keeper(self.tables, lambda: Seal(self.log.keyring.derive(PURPOSE)), now=lambda: self.now, every=EVERY)

    def pass_by(self, time: timedelta) -> None:
        """Let some time pass."""
        self.now += time

    def sql(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run one statement behind everybody's back."""
        return sql(self.url, statement, *parameters)

    def receive(self) -> Receipt:
        """A vendor's message arrives: one more event, sealed with a key of its own."""
        with gardening():
            return receive(Ledger(self.log, policies={}), source="post", vendor_id="1", body=b"{}", headers={})[0]

    def erase(self, receipt: Receipt) -> None:
        """Forget a message: one more event, and its key is destroyed."""
        with gardening():
            erase_all(Ledger(self.log, policies={}), [receipt], reason="asked_by_customer")

    def checkpoints(self) -> list[int]:
        """Their positions."""
        return [int(str(row[0])) for row in self.sql("SELECT position FROM chain ORDER BY position")]

    def verify(self, *, start: int = 0, given_out: dict[int, str] | None = None, read_upto: int = 0) -> Report:
        """What `daybook verify` finds."""
        with closing(Following(self.log.mapper, self.log.keyring)) as following, self.tables.snapshot() as snapshot:
            verification = Verification(snapshot, self.keeper.seal, following)
            return verification.run(start=start, given_out=given_out, read_upto=read_upto)

    def found(self) -> list[tuple[str, int | None]]:
        """Kind and position of everything that does not fit."""
        return [(one.kind, one.position) for one in self.verify().breaks]


@contextmanager
def chained(url: str) -> Iterator[Chained]:
    """Five trees, each with two effects and four growths, whose events lie between each other."""
    with open_log(url, aggregates=(*EVERYTHING, Receipt)) as log:
        chain = Chained(url, log)
        ledger = Ledger(log, policies={Tree: inspections})
        for number in range(1, 6):
            with gardening():
                ledger.record(new_tree(number, label=f"oak {number}"))  # three events
        for growth in range(1, 5):
            for number in range(1, 6):
                grow(log, number, growth)
        chain.keeper.extend()
        yield chain
