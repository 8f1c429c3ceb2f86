"""The rights of the role that the processes work as: to append and to read, and never to change what happened."""

import psycopg
from psycopg.sql import SQL, Identifier

from adapters.store.engine import VIEWS_SCHEMA

LOG_RIGHTS = """
REVOKE ALL ON ALL TABLES IN SCHEMA daybook_log FROM {role};
REVOKE ALL ON SCHEMA daybook_log FROM {role};
GRANT USAGE ON SCHEMA daybook_log TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA daybook_log TO {role};
GRANT UPDATE (due_at, since, taken_by, taken_until) ON daybook_log.open_effects TO {role};
GRANT INSERT ON daybook_log.chain TO {role};
GRANT EXECUTE ON FUNCTION daybook_log.append(json, json, json, json, json, json, json, json) TO {role};
GRANT CREATE ON DATABASE {database} TO {role};
"""  # the last so that it can make the views' schema anew when somebody has dropped it
# A grant by somebody who may not is no error in PostgreSQL, so it is asked first.
OWNED = """SELECT pg_has_role(datdba, 'USAGE') AND pg_has_role(relowner, 'USAGE') FROM pg_database, pg_class
WHERE datname = current_database() AND pg_class.oid = to_regclass('daybook_log.events')"""
NOT_YOURS = "Whoever runs this must own the database and be able to become {role}: GRANT {role} TO CURRENT_USER."
VIEWS_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"


class CannotGrant(Exception):
    """The role is missing, or we may not give it what it needs."""


def grant(url: str, role: str) -> None:
    """Give an existing role what the processes need, take away what else it may do to the log, and hand it the views.

    Raises `CannotGrant`.
    """
    try:
        with psycopg.connect(url) as connection:
            if connection.execute(OWNED).fetchone() != (True,):
                raise CannotGrant(NOT_YOURS.format(role=role))
            database = connection.info.dbname
            connection.execute(SQL(LOG_RIGHTS).format(role=Identifier(role), database=Identifier(database)))
            schema = Identifier(VIEWS_SCHEMA)
            connection.execute(SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, Identifier(role)))
            for (table,) in connection.execute(VIEWS_TABLES, (VIEWS_SCHEMA,)).fetchall():
                of_schema = Identifier(VIEWS_SCHEMA, table)
                connection.execute(SQL("ALTER TABLE {} OWNER TO {}").format(of_schema, Identifier(role)))
    except psycopg.errors.UndefinedObject:
        raise CannotGrant(f"There is no role {role}: make it with CREATE ROLE {role} LOGIN, and a password.") from None
    except psycopg.errors.InsufficientPrivilege:
        raise CannotGrant(NOT_YOURS.format(role=role)) from None
