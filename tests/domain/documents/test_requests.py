"""What an effect that a policy asks for carries."""

import msgspec

from domain.shared.effect import effect_id
from tests.domain.documents.placed import begun
from tests.domain.documents.test_policy import asked
from tests.wishes import STORED_FILE


def test_an_effect_names_the_event_that_called_for_it_and_asking_twice_is_asking_once() -> None:
    order = begun("embassy")
    [contact, *_], again = asked(order), asked(order)
    assert contact.requested.cause == order.pending[0].reference
    assert [effect.id for effect in again] == [effect.id for effect in asked(order)]
    assert contact.id == effect_id(order.id, kind="enter_contact")


def test_an_effect_carries_references_and_never_personal_data() -> None:
    order = begun("embassy", files=(STORED_FILE,))
    for effect in asked(order):
        text = msgspec.json.encode(effect.requested).decode()
        assert "John" not in text
        assert "example.com" not in text
