"""Forms sent more than once: a key makes of them one order with one answer."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.ledger import acting
from tests.web.documents.bodies import LEAST
from tests.web.site import PDF, history, names, nothing_stored, post, post_files, stored_files
from tests.world import Clock

PATIENCE = 60


def orders(services: Services) -> int:
    return names(services).count("documents.order.Placed")


def assert_reused(answer: Any) -> None:
    assert (answer.status_code, answer.json["error"]) == (422, "idempotency_key_reused")


def at_once(client: FlaskClient, services: Services, times: int) -> list[Any]:
    """The same form with the same key and a file, from so many visitors in the same moment."""
    together = Barrier(times, timeout=PATIENCE)

    def visit(_: int) -> Any:
        visitor = client.application.test_client()
        together.wait()
        return post_files(visitor, "embassy", ("scan.pdf", PDF), headers={"Idempotency-Key": "K"})

    with ThreadPoolExecutor(times) as visitors:
        return list(visitors.map(visit, range(times), timeout=PATIENCE))


def test_scenario_10_twenty_at_once_with_one_key_are_one_order(client: FlaskClient, services: Services) -> None:
    answers = at_once(client, services, 20)
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.data for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 19
    assert orders(services) == 1
    assert len(stored_files(services)) == 1


def test_scenario_10_a_repeat_is_the_first_answer_whatever_has_changed_since(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    first = post(client, "i9", Idempotency_Key="K")
    position = services.log.last_position()
    clock.move(30 * 24 * 3600)  # the appointment would be in the past by now
    again = post(client, "i9", Idempotency_Key="K")
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert services.log.last_position() == position


class FullDisk:
    """Files can be looked at and not kept."""

    def media_type(self, content: Any) -> str:
        return "application/pdf"

    def save(self, token: str, name: str, content: Any) -> None:
        raise OSError("full")


def test_the_files_of_a_repeat_are_not_stored_again(client: FlaskClient, services: Services) -> None:
    first = post_files(client, "embassy", ("scan.pdf", PDF), headers={"Idempotency-Key": "K"})
    services.files = FullDisk()  # type: ignore[assignment]
    again = post_files(client, "embassy", ("scan.pdf", PDF), headers={"Idempotency-Key": "K"})
    assert (again.status_code, again.data) == (201, first.data)


def test_a_repeat_for_somebody_forgotten_finds_nothing(client: FlaskClient, services: Services) -> None:
    order = UUID(post(client, "embassy", Idempotency_Key="K").json["order_id"])
    with acting(by="manager", via="console", at=services.now()):
        services.forgetting.forget([order], reason="asked")
    position = services.log.last_position()
    assert post(client, "embassy", Idempotency_Key="K").status_code == 404
    assert services.log.last_position() == position


def test_a_key_counts_for_one_form_only(client: FlaskClient, services: Services) -> None:
    assert post(client, "embassy", Idempotency_Key="K").status_code == 201
    assert post(client, "apostille", Idempotency_Key="K").status_code == 201
    assert orders(services) == 2


def test_a_key_may_come_as_a_field(client: FlaskClient, services: Services) -> None:
    body = LEAST["embassy"] | {"idempotency_key": "K"}
    assert post(client, "embassy", body).json == post(client, "embassy", Idempotency_Key="K").json
    assert orders(services) == 1


def test_scenario_11_another_body_under_the_same_key_is_refused(client: FlaskClient, services: Services) -> None:
    post_files(client, "embassy", ("scan.pdf", PDF), headers={"Idempotency-Key": "K"})
    position = services.log.last_position()
    assert_reused(post(client, "embassy", LEAST["embassy"] | {"country": "Iraq"}, Idempotency_Key="K"))
    assert_reused(post_files(client, "embassy", ("scan.pdf", PDF + b"2"), headers={"Idempotency-Key": "K"}))
    assert_reused(post_files(client, "embassy", ("other.pdf", PDF), headers={"Idempotency-Key": "K"}))
    assert services.log.last_position() == position
    assert len(stored_files(services)) == 1


def test_scenario_11_another_package_under_the_same_key_is_refused_as_another_body(
    client: FlaskClient, services: Services
) -> None:
    post(client, "fbi", Idempotency_Key="K")
    assert_reused(post(client, "fbi", LEAST["fbi"] | {"package": "rush", "shipping": "mail"}, Idempotency_Key="K"))
    assert orders(services) == 1


def test_scenario_11_a_refused_body_does_not_use_the_key_up(client: FlaskClient, services: Services) -> None:
    assert post(client, "embassy", LEAST["embassy"] | {"phone": "12"}, Idempotency_Key="L").status_code == 422
    assert nothing_stored(services)
    corrected = post(client, "embassy", Idempotency_Key="L")
    assert corrected.status_code == 201
    assert "Idempotent-Replayed" not in corrected.headers
    assert len(history(services)) > 0
