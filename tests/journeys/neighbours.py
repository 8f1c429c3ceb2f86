"""Neighbours: people who share a telephone two by two, and have a mobile and an address of their own."""

from base64 import b64encode
from urllib.parse import quote
from uuid import UUID

from tests.journeys.person import Person
from tests.web.documents.hooks import Vendors
from tests.web.site import settle


class Neighbour(Person):
    """Number `nth`; one with an odd number shares the telephone at home with the one before."""

    def __init__(self, vendors: Vendors, nth: int) -> None:
        super().__init__(vendors, f"Zqneighbour{nth:02d}q", 6100 + nth // 2)
        self.nth, self.remark = nth, f"Für Ünal{nth:02d}ß"
        self.home, self.mobile = self.phone, f"+1 555 419 {3000 + nth}"
        self.leads: list[UUID] = []

    @property
    def texts(self) -> list[str]:
        """Whatever is theirs alone: words, the address, what a file says, and the mobile as people write it."""
        number = self.mobile.removeprefix("+1 ")
        area, middle, last = number.split()
        spellings = (number, f"{area}{middle}{last}", f"{area}-{middle}-{last}", f"({area}) {middle}-{last}")
        return [self.word, self.email, self.remark, self.content.decode(), *spellings, self.mobile]

    def live(self) -> None:
        """Call from home, pay for one order, place another from the mobile; every third calls from that as well."""
        self.leads.append(UUID(self.call(lead_id=500_000 + self.nth)["phone_lead_id"]))
        self.paid = self.fill_in("fbi")
        self.session = self.vendors.pay(self.paid)
        self.phone = self.mobile
        self.free = self.fill_in("embassy", document_type=f"{self.word} deed", comments=self.remark)
        self.vendors.clock.move(1)
        if self.nth % 3 == 2:
            self.leads.append(UUID(self.call(lead_id=600_000 + self.nth)["phone_lead_id"]))

    @property
    def subjects(self) -> tuple[UUID, ...]:
        return *self.leads, self.paid, self.free


def street(vendors: Vendors, number: int) -> list[Neighbour]:
    """So many neighbours, with everything carried out that follows from what they did."""
    people = [Neighbour(vendors, nth) for nth in range(number)]
    for person in people:
        person.live()
    for _ in range(2):
        settle(vendors.services)
        vendors.clock.move(31)
    for person in people:
        tid = person.order(person.paid).tracking_id
        vendors.zoho("update", tid=tid, stage="Submission in Progress", remark=f"Told {person.word}")
    vendors.clock.move(5)
    settle(vendors.services)
    return people


def spellings(text: str) -> set[bytes]:
    """A text as bytes somewhere may hold it: encoded, escaped, percent-encoded, in base64 wherever it begins."""
    found: set[bytes] = set()
    for word in {text, text.lower(), text.upper()}:
        plain = word.encode()
        found |= {plain, word.encode("utf-16-le"), word.encode("utf-16-be"), plain.hex().encode()}
        found |= {word.encode("unicode_escape"), quote(word).encode(), quote(word, safe="").encode()}
        found |= {_in_base64(plain, offset) for offset in range(3)}
    return found


def _in_base64(plain: bytes, offset: int) -> bytes:
    """What of its base64 does not depend on what stands before and behind it."""
    whole = b64encode(bytes(offset) + plain).rstrip(b"=")
    return whole[-(-offset * 8 // 6) : len(whole) - 1]
