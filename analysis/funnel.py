"""A notebook in plain Python: the funnel by source and month, what each source brought, and how long stages take.

Run it whole, `python -m analysis.funnel var/export`, or cell by cell in an editor that knows `# %%`. The folder is
that of an export made with --views; var/export when none is named.
"""

# %%
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from scripts.tabular import need_analysis_libraries, show_rows

if sys.argv[1:] in (["--help"], ["-h"]):
    print(__doc__)
    sys.exit()
try:
    need_analysis_libraries()
except click.ClickException as missing:
    sys.exit(f"Error: {missing}")

from adapters.export.manifest import NotAnExport
from adapters.export.querying import Limits, open_export

named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
EXPORT = Path(named[0] if named else "var/export")
session = ExitStack()
try:
    desk = session.enter_context(open_export(EXPORT, Limits(rows=100)))
except NotAnExport as error:
    sys.exit(f"Error: {error}")
if not {"orders", "attribution_report"} <= set(desk.tables):
    sys.exit(f"Error: The export in {EXPORT} has no views: `daybook export --to {EXPORT} --views` adds them.")


def show(title: str, sql: str) -> None:
    """Ask, and print the answer under a title."""
    answer = desk.ask(sql)
    print(f"\n{title}")
    show_rows(answer.columns, answer.rows)


# %% The funnel by source and month: of the orders that came, how many were paid, begun and completed
FUNNEL = """
WITH orders AS (
    SELECT stream,
           min(month) FILTER (event = 'documents.order.Placed') AS month,
           min(source) FILTER (event = 'documents.order.Placed') AS source,
           bool_or(event IN ('documents.order.Paid', 'documents.order.MismatchAccepted')) AS paid,
           bool_or(event = 'documents.order.StageReached') AS begun,
           bool_or(event = 'documents.order.StageReached' AND stage = 'completed') AS completed
    FROM events
    WHERE event IN ('documents.order.Placed', 'documents.order.Paid', 'documents.order.MismatchAccepted',
                    'documents.order.StageReached')
    GROUP BY stream
)
SELECT month, coalesce(source, '(none)') AS source, count(*) AS placed, count_if(paid) AS paid,
       count_if(begun) AS begun, count_if(completed) AS completed
FROM orders
WHERE month IS NOT NULL
GROUP BY ALL
ORDER BY month, placed DESC, source
"""
show("Funnel by source and month", FUNNEL)

# %% Attribution: what each source, medium and campaign brought, by what was in force in the end
ATTRIBUTION = """
SELECT source, medium, campaign, sum(calls)::BIGINT AS calls, count_if(what = 'form') AS forms,
       count_if(matched_call IS NOT NULL) AS matched, sum(paid_cents)::BIGINT AS paid_cents,
       sum(refunded_cents)::BIGINT AS refunded_cents
FROM attribution_report
WHERE NOT spam
GROUP BY ALL
ORDER BY paid_cents DESC, source, medium, campaign
"""
show("Attribution, amounts in cents", ATTRIBUTION)

# %% Stage times: how many hours orders stay in each stage, by kind
STAGE_TIMES = """
WITH reached AS (
    SELECT stream, stage, coalesce(happened_at, recorded_at) AS since,
           lead(coalesce(happened_at, recorded_at)) OVER (PARTITION BY stream ORDER BY version) AS until
    FROM events
    WHERE event IN ('documents.order.StageReached', 'documents.order.StageCorrected')
)
SELECT orders.kind, reached.stage, count(*) AS times,
       round(median(epoch(until - since) / 3600), 1) AS median_hours,
       round(quantile_cont(epoch(until - since) / 3600, 0.9), 1) AS nine_in_ten_hours
FROM reached JOIN orders ON orders.order_id = reached.stream
WHERE until IS NOT NULL
GROUP BY ALL
ORDER BY orders.kind, median_hours DESC, reached.stage
"""
show("Hours in each stage", STAGE_TIMES)
