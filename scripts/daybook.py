"""The `daybook` command: serve, look into the ledger, and put things right."""

import click

from scripts.attribution import attribution
from scripts.backup import backup
from scripts.calls import calls
from scripts.diff import diff
from scripts.effects import effects
from scripts.events import events
from scripts.evidence import evidence
from scripts.explain import explain
from scripts.export import export
from scripts.export_person import export_person
from scripts.follow import follow
from scripts.forget import forget
from scripts.history import history
from scripts.init import init
from scripts.orders import orders
from scripts.payments import payments
from scripts.prices import prices
from scripts.project import project
from scripts.rebuild import rebuild
from scripts.receipts import receipts
from scripts.replay import replay
from scripts.rotate_key import rotate_key
from scripts.serve import serve
from scripts.show import show
from scripts.sql import sql
from scripts.stages import stages
from scripts.status import status
from scripts.verify import verify
from scripts.views import views
from scripts.web import web
from scripts.work import work


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daybook", message="Daybook %(version)s")
def main() -> None:
    """Daybook keeps every lead and order as a log of events.

    Settings come from DAYBOOK_ variables of the environment; `.env.example` explains each.
    """


OPERATING = (serve, init, web, work, follow, status, backup, rotate_key)
WORKING = (orders, calls, payments, stages, attribution, prices, receipts, effects, forget, export_person)
LOOKING_BACK = (history, show, diff, explain, replay, verify, evidence)
REBUILDING = (views, rebuild, events)
ANALYSING = (export, sql, project)
for command in (*OPERATING, *WORKING, *LOOKING_BACK, *REBUILDING, *ANALYSING):
    main.add_command(command)

if __name__ == "__main__":
    main()
