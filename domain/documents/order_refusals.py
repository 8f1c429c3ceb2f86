"""Why an order refuses."""

from typing import ClassVar

from domain.shared.errors import NotFound, Refused


class OrderNotFound(NotFound):
    """No order has this id, or the person has been erased: callers cannot tell which."""


class NotPayable(Refused):
    """This kind is not paid online."""

    code: ClassVar[str] = "not_payable"
    status: ClassVar[int] = 422
    sentence: ClassVar[str] = "This order is not paid online."


class AlreadyPaid(Refused):
    """Paid, or paid and given back."""

    code: ClassVar[str] = "already_paid"
    sentence: ClassVar[str] = "This order has been paid."


class PaymentProcessing(Refused):
    """A bank payment is under way."""

    code: ClassVar[str] = "payment_processing"
    sentence: ClassVar[str] = "A payment for this order is being processed."


class PaymentUnderReview(Refused):
    """Money came that does not fit."""

    code: ClassVar[str] = "payment_under_review"
    sentence: ClassVar[str] = "A payment for this order is being checked."


class NothingToAccept(Refused):
    """No payment of this order is waiting for a decision."""

    code: ClassVar[str] = "nothing_to_accept"
    sentence: ClassVar[str] = "No payment of this order waits to be accepted."
