"""The keeper of the chain: when it makes checkpoints, and when it refuses to."""

from datetime import timedelta

import pytest

from adapters.proof.keeper import BrokenChain
from domain.sealed import Erased
from domain.shared.receipt import Receipt
from tests.chains import Chained
from tests.sample_trees import grow


def test_a_checkpoint_is_made_after_so_many_events_and_no_sooner(chain: Chained) -> None:
    assert chain.checkpoints() == [10, 20, 30]
    grow(chain.log, 1, 1, 1, 1, 1)
    assert chain.keeper.extend() == 0
    grow(chain.log, 1, 1)
    assert chain.keeper.extend() == 1
    assert chain.checkpoints() == [10, 20, 30, 40]


def test_after_an_hour_what_is_new_gets_a_checkpoint(chain: Chained) -> None:
    chain.pass_by(timedelta(minutes=59))
    assert chain.keeper.extend() == 0
    chain.pass_by(timedelta(minutes=1))
    assert chain.keeper.extend() == 1
    assert chain.checkpoints() == [10, 20, 30, 35]


def test_without_anything_new_no_hour_brings_a_checkpoint(chain: Chained) -> None:
    chain.keeper.extend(all=True)
    chain.pass_by(timedelta(days=1))
    assert chain.keeper.extend() == 0


def test_a_clock_set_back_does_not_stop_the_chain(chain: Chained) -> None:
    chain.pass_by(timedelta(days=-400))
    assert chain.keeper.extend() == 1
    assert chain.verify().holds


def test_another_keeper_goes_on_where_the_first_has_ended(chain: Chained) -> None:
    grow(chain.log, 1, *[1] * 20)
    assert chain.new_keeper().extend() == 2
    assert chain.keeper.extend(all=True) == 1
    assert chain.checkpoints() == [10, 20, 30, 40, 50, 55]
    assert chain.verify().holds


def test_of_two_keepers_at_once_one_makes_the_checkpoint(chain: Chained) -> None:
    with chain.tables.snapshot() as snapshot:
        last = snapshot.checkpoint_upto(30)
    assert last
    chain.sql("DELETE FROM chain WHERE position = 30")
    assert chain.new_keeper().extend() == 1
    assert not chain.tables.add(last)
    chain.sql("DELETE FROM chain WHERE position = 30")
    chain.keeper.extend(all=True)
    assert chain.verify().holds


def test_a_keeper_does_not_sign_over_a_checkpoint_that_was_altered(chain: Chained) -> None:
    chain.sql("UPDATE chain SET hash = seal WHERE position = 30")
    with pytest.raises(BrokenChain, match="checkpoint at 30 is not as we signed it"):
        chain.keeper.extend(all=True)


def test_a_keeper_does_not_sign_a_log_with_a_gap(chain: Chained) -> None:
    chain.sql("DELETE FROM events WHERE position = 33")
    with pytest.raises(BrokenChain, match="missing between 30 and 35"):
        chain.keeper.extend(all=True)


def test_a_keeper_does_not_go_on_behind_a_log_that_was_cut_off(chain: Chained) -> None:
    chain.sql("DELETE FROM events WHERE position > 25")
    with pytest.raises(BrokenChain, match="ends at 25, before its checkpoint at 30"):
        chain.keeper.extend()


def test_a_keeper_is_not_kept_busy_by_what_stands_in_its_way(chain: Chained) -> None:
    chain.sql("UPDATE chain SET previous = 30 WHERE position = 10")
    with pytest.raises(BrokenChain, match="in the way of the checkpoint at 35"):
        chain.keeper.extend(all=True)


def test_running_goes_on_after_a_break_and_ends_when_told(chain: Chained) -> None:
    looks: list[float] = []

    def wait(seconds: float) -> bool:
        if seconds:
            looks.append(seconds)
        if len(looks) == 2:
            chain.sql("UPDATE chain SET hash = (SELECT hash FROM kept) WHERE position = 30")
        return len(looks) == 3

    chain.sql("CREATE TABLE kept AS SELECT hash FROM chain WHERE position = 30")
    chain.sql("UPDATE chain SET hash = seal WHERE position = 30")
    grow(chain.log, 1, *[1] * 5)
    chain.keeper.run(wait)
    assert chain.checkpoints() == [10, 20, 30, 40]


def test_erasing_a_person_leaves_the_proof_as_it_is(chain: Chained) -> None:
    receipt = chain.receive()
    chain.keeper.extend(all=True)
    chain.erase(receipt)
    arrived = chain.log.events_of(receipt.id)[0]
    assert isinstance(arrived, Receipt.Arrived)
    with pytest.raises(Erased):
        arrived.body.open()
    chain.keeper.extend(all=True)
    report = chain.verify()
    assert report.holds
    assert report.uncovered == 0


def test_verifying_can_begin_at_a_checkpoint(chain: Chained) -> None:
    chain.sql("UPDATE events SET data = '{}' WHERE position = 8")
    report = chain.verify(start=25)
    assert report.holds
    assert report.checked == 15
    assert not chain.verify(start=9).holds
