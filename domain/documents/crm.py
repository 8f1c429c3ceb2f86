"""How an order is written into the CRM: which record, which fields."""

from datetime import UTC, datetime, time

from domain.documents.office import CrmModule, Office
from domain.documents.order import Order
from domain.documents.stages import CALL_STAGE
from domain.shared.attribution import AttributionLinks, device_label, source_category
from domain.shared.contact import split_name
from domain.shared.ports import CrmRecord, Field

ATTRIBUTION_LINK = "Attribution_Record"
SHORT_NAME = 20


def module_of(order: Order, office: Office) -> CrmModule:
    """Where this order's record lives."""
    return office.modules[order.kind.code]


def written(fields: dict[str, object]) -> dict[str, Field]:
    """The fields that have a value: a blank one is never sent, since it would clear what is there."""
    return {
        name: value
        for name, value in fields.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str | list | dict) and value)
    }


def contact_fields(order: Order) -> dict[str, Field]:
    """The person: name, e-mail, phone, company."""
    contact = order.contact.open()
    first, last = split_name(contact.name)
    return written(
        {
            "First_Name": first,
            "Last_Name": last,
            "Email": contact.email,
            "Phone": contact.phone,
            "Company": contact.company,
        }
    )


def order_fields(order: Order, office: Office, known: CrmRecord | None) -> dict[str, Field]:
    """All fields of the order's record. Its stage is written on entry or over a call's only."""
    module = module_of(order, office)
    contact = order.contact.open()
    stage = known.fields.get(module.stage_field) if known else None
    return contact_fields(order) | written(
        {
            module.name_field: f"{contact.name} — {order.kind.long_label}",
            "Service_Type": order.kind.long_label,
            module.stage_field: order.kind.first_crm_stage if stage in (None, "", CALL_STAGE) else None,
            "Tracking_ID": order.tracking_id,
            office.ledger_field: str(order.id),
            **_kind_fields(order, office),
        }
    )


def _kind_fields(order: Order, office: Office) -> dict[str, object]:
    choices, answers, quote = order.choices, order.answers.open(), order.quote
    described: dict[str, object] = {"Description": answers.comments}
    price = {"Total_Price": quote.total_cents / 100, "Payment_Status": payment_status(order)} if quote else {}
    paid: dict[str, object] = {**price, "Shipping_Method": order.shipping}
    match order.kind.code:
        case "fbi":
            return paid | {
                "Package": quote.package_label if quote else None,
                "Certificate_Count": quote.count if quote else None,
                "Translation_Required": choices.translation_r,
            }
        case "marriage":
            return paid | {
                "Husband_Name": answers.husband_name,
                "Wife_Name": answers.wife_name,
                "Marriage_Date": answers.marriage_date.isoformat() if answers.marriage_date else None,
                "Country": answers.country,
                "Certificate_Number": answers.certificate_number,
            }
        case "embassy" | "apostille":
            return described | {
                "Document_Type": answers.document_type,
                "Country": answers.country,
                "Notarization": choices.notarization,
                "Issuing_State": answers.state if order.kind.code == "apostille" else None,
            }
        case "translation":
            return {
                "Document_Type": answers.document_type,
                "Original_Language": answers.original_language,
                "Target_Language": answers.target_language,
                "Description": answers.special_instructions,
            }
        case "i9":
            return described | {
                "Appointment_At": appointment_at(order, office),
                "Services": list(choices.services),
                "Notarization_Required": choices.notarization_required,
            }
        case _:
            return described | {
                "Services_Requested": list(choices.services),
                "Appointment_At": appointment_at(order, office),
            }


def payment_status(order: Order) -> str:
    """How the CRM calls the state of an order's payment."""
    if order.paid is None:
        return "Pending"
    if order.refunded_cents == 0:
        return "Paid"
    return "Refunded" if order.refunded_cents >= order.paid.amount_cents else "Partially Refunded"


def appointment_at(order: Order, office: Office) -> str | None:
    """The appointment with the office's offset, as the CRM wants times; None where there is none."""
    choices = order.choices
    if choices.appointment_date is None or choices.appointment_time is None:
        return None
    moment = datetime.combine(choices.appointment_date, time.fromisoformat(choices.appointment_time))
    return moment.replace(tzinfo=office.zone).isoformat()


def attribution_fields(order: Order, office: Office) -> dict[str, Field]:
    """The record of where the order came from; both records name each other."""
    found, links = order.attribution, order.links.open() if order.links else AttributionLinks()
    at = order.placed_at.astimezone(UTC)
    origin = f"{found.source or 'direct'}/{found.medium or 'none'}"
    first_visit = found.first_visit_at.isoformat() if found.first_visit_at else None
    return written(
        {
            "Name": f"{order.contact.open().name[:SHORT_NAME]} | {origin} | {at:%Y-%m-%d %H:%M}",
            "Source": found.source,
            "Source_Category": source_category(found.source) if found.source else None,
            "Medium": found.medium,
            "Campaign": found.campaign,
            "Keyword": found.keyword,
            "Landing_Page": links.landing_page,
            "Lead_URL": links.lead_url,
            "Referrer_Domain": found.referrer_domain,
            "Device_Type": device_label(found.device_type) if found.device_type else None,
            "Browser": found.browser,
            "OS": found.operating_system,
            "Pages_Viewed": found.pages_viewed,
            "Visit_Count": found.visit_count,
            "First_Visit_At": first_visit,
            "City": found.city,
            "State": found.state,
            "Country": found.country,
            "GCLID": found.gclid,
            "FBCLID": found.fbclid,
            "MSCLKID": found.msclkid,
            "Lead_Type": "Form",
            ATTRIBUTION_LINK: order.crm_record,
            office.ledger_field: str(order.id),
        }
    )
