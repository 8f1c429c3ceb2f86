"""Whether what a receipt says was forgotten has stayed so: the signature, the keys, the rows, the files."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnClause, Select, column, inspect, select, table

from adapters.erasure_receipt import ErasureReceipt
from adapters.files import FileStore
from adapters.proof.chain import Seal
from adapters.store.keys import Keyring
from domain.documents.erasure import SubjectNotFound, find_subject
from domain.documents.order import Order
from domain.ledger import Ledger, UnknownStream
from domain.sealed import Erased
from domain.shared.receipt import Receipt
from projections.home import NEXT, OLD, Home
from projections.past import PAST
from projections.view import RowView, View


class ErasureCheck:
    """Looks at everything again; changes nothing."""

    def __init__(
        self, *, ledger: Ledger, keyring: Keyring, home: Home, views: Sequence[View], files: FileStore, seal: Seal
    ) -> None:
        self._ledger, self._keyring, self._home, self._views = ledger, keyring, home, views
        self._files, self._seal = files, seal

    def faults(self, receipt: ErasureReceipt) -> Iterator[str]:
        """What does not hold, a sentence each; the views must be at the newest event."""
        if not _signed(self._seal, receipt):
            yield "The receipt is not as this ledger signed it."
        yield from self._readable(receipt.subjects)
        yield from self._rows(receipt.subjects)
        yield from self._stored(receipt.orders)

    def _readable(self, subjects: Collection[UUID]) -> Iterator[str]:
        for subject in subjects:
            try:
                if self._keyring.cipher(subject) is not None:
                    yield f"There is a key for {subject} again."
            except Erased:
                pass
            if not self._erased(subject):
                yield f"{subject} is not forgotten in this ledger."

    def _erased(self, subject: UUID) -> bool:
        try:
            return find_subject(self._ledger, subject).erased
        except SubjectNotFound:
            pass
        try:
            return self._ledger.load(Receipt, subject, even_erased=True).erased
        except UnknownStream:
            return False

    def _rows(self, subjects: Collection[UUID]) -> Iterator[str]:
        wanted = [str(subject) for subject in subjects]
        there = inspect(self._home.engine)
        names = there.get_table_names()
        for view in self._views:
            if not isinstance(view, RowView) or not view.forgets:
                continue
            own = {f"{view.name}{suffix}" for suffix in ("", NEXT, OLD)}
            for name in (name for name in names if name in own or name.startswith(f"{view.name}{PAST}")):
                keyed = view.key_column in {found["name"] for found in there.get_columns(name)}  # else of an older fold
                if keyed and self._home.row(_of_these(name, view.key_column, wanted)):
                    yield f"The table {name} has a row of somebody forgotten."

    def _stored(self, orders: Collection[UUID]) -> Iterator[str]:
        """Files whose removal is still pending are told too: they are there."""
        for id in orders:
            try:
                order = self._ledger.load(Order, id, even_erased=True)
            except UnknownStream:
                continue
            if any(self._files.holds(file.key) for file in order.files):
                yield f"The store still has files of {id}."


def _of_these(name: str, key_column: str, wanted: Collection[str]) -> Select[Any]:
    key: ColumnClause[str] = column(key_column)
    return select(key).select_from(table(name, key)).where(key.in_(wanted))


def _signed(seal: Seal, receipt: ErasureReceipt) -> bool:
    try:
        return seal.signed(receipt.statement, bytes.fromhex(receipt.seal))
    except ValueError:
        return False
