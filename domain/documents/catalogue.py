"""What can be ordered, and what a caller can ask about: one entry per kind."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import msgspec

from domain.documents.stages import CALL_STAGE, STAGES, Stage


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of order.

    `path` is where its form is posted, `service` the key that its page and its calls use, `module` the CRM
    module its records go to unless settings say otherwise, `first_crm_stage` the stage such a record starts
    with, and `emoji` what opens the subject of a staff mail. `paid` means paid online before any work begins.
    """

    named_by: ClassVar[str] = "code"  # in the history of an order its code stands for all of it

    code: str
    path: str
    long_label: str
    short_label: str
    paid: bool = False
    takes_files: bool = True
    service: str
    module: str
    first_crm_stage: str = "Order Received"
    emoji: str
    stages: tuple[Stage, ...]


_ORDERED = (
    Kind(
        code="fbi",
        path="/fbi/create-order/",
        long_label="FBI Apostille",
        short_label="FBI",
        paid=True,
        service="fbi_apostille",
        module="FBI_Apostille",
        emoji="✅",
        stages=STAGES["fbi_apostille"],
    ),
    Kind(
        code="marriage",
        path="/marriage/create-order/",
        long_label="Triple Seal Marriage",
        short_label="Marriage",
        paid=True,
        service="marriage",
        module="Triple_Seal_Apostilles",
        emoji="✅",
        stages=STAGES["marriage"],
    ),
    Kind(
        code="embassy",
        path="/embassy/create-order/",
        long_label="Embassy Legalization",
        short_label="Embassy",
        service="embassy_legalization",
        module="Embassy_Legalization",
        emoji="📄",
        stages=STAGES["embassy_legalization"],
    ),
    Kind(
        code="apostille",
        path="/apostille/create-order/",
        long_label="State Apostille",
        short_label="Apostille",
        service="state_apostille",
        module="Apostille_Services",
        emoji="📜",
        stages=STAGES["state_apostille"],
    ),
    Kind(
        code="translation",
        path="/translation/create-order/",
        long_label="Translation",
        short_label="Translation",
        service="translation",
        module="Translation_Services",
        emoji="🔤",
        stages=STAGES["translation"],
    ),
    Kind(
        code="i9",
        path="/i9/create-order/",
        long_label="I-9 Verification",
        short_label="I-9",
        service="i9",
        module="I_9_Verification",
        emoji="🪪",
        stages=STAGES["i9"],
    ),
    Kind(
        code="quote",
        path="/quote/create-order/",
        long_label="Quote Request",
        short_label="Quote",
        takes_files=False,
        service="quote",
        module="Get_A_Quote_Leads",
        first_crm_stage="New",
        emoji="💬",
        stages=STAGES["quote"],
    ),
)

NOTARY = Kind(
    code="notary",
    path="",
    long_label="Online Notary",
    short_label="Notary",
    takes_files=False,
    service="notary",
    module="Notary_Services",
    first_crm_stage=CALL_STAGE,
    emoji="",
    stages=(),
)
"""People telephone about it, but there is no form and so no order."""

KINDS: Mapping[str, Kind] = MappingProxyType({kind.code: kind for kind in _ORDERED})
"""The seven kinds that have a form, by code."""

SERVICES: Mapping[str, Kind] = MappingProxyType({kind.service: kind for kind in (*_ORDERED, NOTARY)})
"""Everything a call can be about, by service key: the seven kinds and the notary."""


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).casefold()


_BY_NAME = {
    _folded(name): kind
    for kind in SERVICES.values()
    for name in (kind.code, kind.service, kind.long_label, kind.short_label, kind.module)
}


def find_services(text: str, modules: Mapping[str, str]) -> tuple[Kind, ...]:
    """Read a service as `find_service` does, or as one of `modules`: by kind code; several kinds may share one."""
    wanted = _folded(text)
    sharing = tuple(kind for kind in SERVICES.values() if _folded(modules.get(kind.code, "")) == wanted != "")
    known = find_service(text)
    return sharing or ((known,) if known else ())


def find_service(text: str) -> Kind | None:
    """Read a service as outsiders write it: kind, service key, either label or module name.

    Case, spaces, `-` and `_` make no difference.
    """
    return _BY_NAME.get(_folded(text))
