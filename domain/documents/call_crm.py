"""How a call is written into the CRM: which record, which fields."""

from datetime import UTC

from domain.documents.call_lead import CallLead
from domain.documents.catalogue import KINDS, NOTARY
from domain.documents.crm import (
    ATTRIBUTION_LINK,
    SHORT_NAME,
    contact_fields,
    module_of,
    order_fields,
    payment_status,
    written,
)
from domain.documents.matching import called_at
from domain.documents.office import CrmModule, Office
from domain.documents.order import Order
from domain.documents.stages import CALL_STAGE
from domain.shared.attribution import device_label, source_category
from domain.shared.contact import split_name
from domain.shared.ports import CrmRecord, Field

UNKNOWN_CALLER = "Unknown caller"
HOT, WARM = 70, 40
LEAD_STATUS, JUNK = "Lead_Status", "Junk Lead"


def module_of_call(lead: CallLead, office: Office) -> CrmModule:
    """Where this call's record lives; a call about no service is a request for a quote."""
    kind = NOTARY if lead.service == NOTARY.code else KINDS[lead.service or "quote"]
    return office.modules.get(kind.code, CrmModule(name=kind.module))


def call_fields(lead: CallLead, office: Office, *, ledger_id: str) -> dict[str, Field]:
    """All fields of the call's own record."""
    facts, contact, module = lead.calls.shown(), lead.contact, module_of_call(lead, office)
    words, details = facts.words, facts.details
    first, last = split_name(contact.name) if contact.name else ("", UNKNOWN_CALLER)
    described = {
        "Summary": words.lead_summary,
        "Intent": words.intent,
        "Sentiment": words.sentiment,
        "Topics": words.topics,
        "Keywords": words.keywords,
    }
    return written(
        {
            module.name_field: contact.name or UNKNOWN_CALLER,
            "First_Name": first,
            "Last_Name": last,
            "Phone": contact.phone,
            "Email": contact.email,
            "Company": contact.company,
            LEAD_STATUS: CALL_STAGE,
            module.stage_field: CALL_STAGE,
            "Lead_Source": details.source,
            "Rating": rating(details.lead_score),
            "Description": "\n".join(f"{label}: {value}" for label, value in described.items() if value),
            "City": details.city,
            "State": details.state,
            "Zip": details.zip,
            "Country": details.country,
            office.ledger_field: ledger_id,
        }
    )


def rating(score: int | None) -> str | None:
    """The CRM's word for a score of 0 to 100."""
    if score is None:
        return None
    return "Hot" if score >= HOT else "Warm" if score >= WARM else "Cold"


def call_attribution_fields(lead: CallLead, office: Office) -> dict[str, Field]:
    """The record of where the call came from."""
    found, links = lead.attribution
    at = called_at(lead).astimezone(UTC)
    origin = f"{found.source or 'direct'}/{found.medium or 'none'}"
    name = (lead.contact.name or UNKNOWN_CALLER)[:SHORT_NAME]
    return written(
        {
            "Name": f"{name} | {origin} | {at:%Y-%m-%d %H:%M}",
            "Source": found.source,
            "Source_Category": source_category(found.source) if found.source else None,
            "Medium": found.medium,
            "Campaign": found.campaign,
            "Keyword": found.keyword,
            "Landing_Page": links.landing_page,
            "Lead_URL": links.lead_url,
            "Device_Type": device_label(found.device_type) if found.device_type else None,
            "Browser": found.browser,
            "OS": found.operating_system,
            "First_Visit_At": found.first_visit_at.isoformat() if found.first_visit_at else None,
            "City": found.city,
            "State": found.state,
            "Country": found.country,
            "GCLID": found.gclid,
            "FBCLID": found.fbclid,
            "MSCLKID": found.msclkid,
            "Lead_Type": "Phone",
            "Call_Duration": found.call_duration,
            "Call_Recording_URL": links.call_recording_url,
            ATTRIBUTION_LINK: lead.crm_record,
            office.ledger_field: str(lead.id),
        }
    )


def adopted_fields(order: Order, office: Office, known: CrmRecord | None) -> dict[str, Field]:
    """All fields of an order whose record was made for a call."""
    return _taken_over(order, office, known) | order_fields(order, office, known)


def upgraded_fields(order: Order, office: Office, known: CrmRecord | None) -> dict[str, Field]:
    """What an unpaid order writes over its call's record: the person, the stage, and that the money is awaited.

    The record keeps the call's id of ours: until it is paid, a newer order may still take call and record over.
    """
    module = module_of(order, office)
    wanted = adopted_fields(order, office, known)
    kept = (module.name_field, "Service_Type", module.stage_field, LEAD_STATUS, "City", "State", "Country")
    person = contact_fields(order)
    return person | {name: wanted[name] for name in kept if name in wanted} | {"Payment_Status": payment_status(order)}


def _taken_over(order: Order, office: Office, known: CrmRecord | None) -> dict[str, Field]:
    place, status = order.form_attribution, known.fields.get(LEAD_STATUS) if known else None
    return written(
        {
            LEAD_STATUS: order.kind.first_crm_stage if status in (None, "", CALL_STAGE) else None,
            "City": place.city,
            "State": place.state,
            "Country": place.country,
        }
        if order.matched_call is not None
        else {LEAD_STATUS: order.kind.first_crm_stage if status == CALL_STAGE else None}
    )


def kept_stages(lead: CallLead, office: Office, known: CrmRecord | None) -> frozenset[str]:
    """The fields of a call's record that now belong to the office: those it has moved on."""
    found = known.fields if known else {}
    fields = (module_of_call(lead, office).stage_field, LEAD_STATUS)
    return frozenset(name for name in fields if found.get(name) not in (None, "", CALL_STAGE, JUNK))
