"""Two rotations of one ledger at once, on both databases."""

import pytest

from adapters.store.key_table import AlreadyAtWork, open_keys
from adapters.store.keys import Keyring, WrappedKey
from adapters.store.log import SqlLog
from adapters.store.options import DatabaseOptions
from adapters.store.rotation import Rotated
from domain.ledger import NOBODY
from tests.adapters.store.test_rotation import NEW_KEY, TREES, Meddled, opened, park, rotate
from tests.store_samples import MASTER_KEY

__all__ = ["park"]


def test_two_rotations_are_not_at_work_at_once(park: SqlLog, database_url: str) -> None:
    def also(seen: int) -> None:
        with pytest.raises(AlreadyAtWork, match="wait until"):
            rotate(database_url)

    assert rotate(database_url, progress=also) == Rotated(keys=TREES, rewrapped=TREES, late=0, foreign=0)
    with opened(database_url, NEW_KEY):
        pass


class Overtaken(Meddled):
    """The key table, where something happens just after the look-up key was first read."""

    def nobodys(self) -> WrappedKey | None:
        row, meddle, self._meddle = super().nobodys(), self._meddle, lambda wait: None
        meddle(True)
        return row


def test_a_rotation_that_was_overtaken_does_not_bring_the_old_key_back(park: SqlLog, database_url: str) -> None:
    def end(wait: bool) -> None:  # as a rotation does that knows no lock
        with open_keys(database_url, DatabaseOptions()) as keys:
            row = keys.nobodys()
            assert row is not None
            look_up_key = Keyring(MASTER_KEY, lambda subject: None).unwrap(row)
            keys.replace([(row, Keyring(NEW_KEY, lambda subject: None).wrap(NOBODY, look_up_key))])

    with pytest.raises(AlreadyAtWork):
        rotate(database_url, table=lambda table: Overtaken(table, end))
    with opened(database_url, NEW_KEY):
        pass
