"""Document services: apostilles, legalizations, translations and I-9 checks.

A customer fills in one of seven forms, or telephones. Two kinds of order are paid for, four are free, and
one only asks for a quote. A free order gets its tracking id with the form; a paid one gets it when the
checkout is opened, and nothing else happens until the money has come. From then on the order has a page of
its own that shows how far it is, without a word of personal data. Staff work in their CRM, which moves the
order from stage to stage, and each move is one mail to the customer. When somebody called before ordering,
the call and the order are recognised as one customer and share one record.
"""
