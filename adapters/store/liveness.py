"""Whether a pooled connection is still good, without a round trip for each use of it."""

import select
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool


def check(connection: psycopg.Connection[Any]) -> None:
    """Ask the server only if something waits to be read; raises `psycopg.OperationalError` when it is gone.

    A server that stopped, was killed or closed an idle session has at least closed its end, and that can be read. One
    that vanished without a word is found by the statement that follows, as it would be by a question of ours.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)
