"""Ending the session of a process that was frozen in the middle of writing views, so that another may go on."""

from sqlalchemy import Engine, text

from projections.home import POSITIONS

# In the middle of a COPY the server waits for its client without any limit: to it the session is active. Behind many
# statements sent ahead its limit for idle ones does not count. Work on whole views has another application_name.
END = f"""
    SELECT pg_terminate_backend(activity.pid) FROM pg_stat_activity AS activity JOIN pg_locks AS held USING (pid)
    WHERE held.relation = to_regclass('{POSITIONS.name}') AND held.mode = 'RowExclusiveLock' AND held.granted
    AND activity.application_name = current_setting('application_name') AND activity.pid <> pg_backend_pid()
    AND activity.state IN ('active', 'idle in transaction') AND activity.wait_event = 'ClientRead'
    AND activity.state_change < now() - current_setting('lock_timeout')::interval"""


def end_frozen_writers(engine: Engine) -> int:
    """End whoever holds positions and has not said a word for as long as others wait for a lock; how many there were.

    What they had written is taken back with their transaction.
    """
    if engine.dialect.name != "postgresql":
        return 0  # a process that holds a file is asked for it by nobody else: one server has it
    with engine.connect() as connection:
        return len(connection.execute(text(END)).all())
