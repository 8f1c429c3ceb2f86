"""The `daybook` command: serve, look into the ledger, and put things right."""

import click

from scripts.attribution import attribution
from scripts.calls import calls
from scripts.effects import effects
from scripts.events import events
from scripts.forget import forget
from scripts.history import history
from scripts.orders import orders
from scripts.payments import payments
from scripts.prices import prices
from scripts.rebuild import rebuild
from scripts.receipts import receipts
from scripts.serve import serve
from scripts.stages import stages
from scripts.views import views


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daybook", message="Daybook %(version)s")
def main() -> None:
    """Daybook keeps every lead and order as a log of events.

    Settings come from DAYBOOK_ variables of the environment; `.env.example` explains each.
    """


STAFF = (orders, calls, payments, stages, attribution, prices)
OPERATION = (serve, history, forget, receipts, views, rebuild, effects, events)

for command in (*STAFF, *OPERATION):
    main.add_command(command)

if __name__ == "__main__":
    main()
