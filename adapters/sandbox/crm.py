"""The sandbox CRM: modules of records and their files, with ids that look like the real ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import BinaryIO

import msgspec

from adapters.sandbox.store import SandboxStore
from domain.shared.errors import Declined
from domain.shared.ports import CrmAttachment, CrmRecord, Field

FIRST_ID = 5725767000000000000
COLUMNS = "id, module, fields, created_at, updated_at"


class StoredRecord(msgspec.Struct, frozen=True):
    """A record with its module and times."""

    id: str
    module: str
    fields: dict[str, Field]
    created_at: datetime
    updated_at: datetime


class SandboxCrm:
    """Answers the `Crm` port."""

    def __init__(self, store: SandboxStore, *, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def records(self) -> list[StoredRecord]:
        """Every record of every module, oldest first."""
        return [_record(row) for row in self._store.query(f"SELECT {COLUMNS} FROM records ORDER BY id")]

    def record(self, record_id: str) -> StoredRecord | None:
        """One record."""
        rows = self._store.query(f"SELECT {COLUMNS} FROM records WHERE id = ?", _row_id(record_id))
        return _record(rows[0]) if rows else None

    def find(self, module: str, field: str, value: str) -> CrmRecord | None:
        with self._store.transaction() as connection:
            found = _find(connection, module, field, value)
        return CrmRecord(found.id, found.fields) if found else None

    def create(self, module: str, fields: Mapping[str, Field]) -> str:
        with self._store.transaction() as connection:
            return self._create(connection, module, fields)

    def update(self, module: str, record_id: str, fields: Mapping[str, Field]) -> str:
        with self._store.transaction() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM records WHERE id = ?", (_row_id(record_id),)).fetchone()
            if row is None or row[1] != module:
                raise Declined("the record does not exist")
            return self._update(connection, _record(row), fields)

    def upsert(self, module: str, fields: Mapping[str, Field], *, unique: str) -> str:
        with self._store.transaction() as connection:
            known = _find(connection, module, unique, str(fields[unique]))
            if known is None:
                return self._create(connection, module, fields)
            return self._update(connection, known, fields)

    def _create(self, connection: Connection, module: str, fields: Mapping[str, Field]) -> str:
        at = self._now().isoformat()
        row_id = connection.execute(
            "INSERT INTO records (module, fields, created_at, updated_at) VALUES (?, ?, ?, ?)",
            (module, msgspec.json.encode(dict(fields)).decode(), at, at),
        ).lastrowid
        return str(FIRST_ID + int(row_id or 0))

    def _update(self, connection: Connection, known: StoredRecord, fields: Mapping[str, Field]) -> str:
        connection.execute(
            "UPDATE records SET fields = ?, updated_at = ? WHERE id = ?",
            (
                msgspec.json.encode(known.fields | dict(fields)).decode(),
                self._now().isoformat(),
                _row_id(known.id),
            ),
        )
        return known.id

    def attachments(self, module: str, record_id: str) -> Sequence[CrmAttachment]:
        rows = self._store.query(
            "SELECT id, name, length(content) FROM attachments WHERE record = ? ORDER BY id", _row_id(record_id)
        )
        return [CrmAttachment(str(id), str(name), int(str(size))) for id, name, size in rows]

    def attach(self, module: str, record_id: str, *, name: str, media_type: str, content: BinaryIO) -> str:
        if self.record(record_id) is None:
            raise Declined("the record does not exist")
        with self._store.transaction() as connection:
            row_id = connection.execute(
                "INSERT INTO attachments (record, name, media_type, content) VALUES (?, ?, ?, ?)",
                (_row_id(record_id), name, media_type, content.read()),
            ).lastrowid
        return str(row_id)

    def delete(self, module: str, record_id: str) -> str:
        row_id = _row_id(record_id)
        with self._store.transaction() as connection:
            gone = connection.execute("DELETE FROM records WHERE id = ? AND module = ?", (row_id, module)).rowcount
            if gone:
                connection.execute("DELETE FROM attachments WHERE record = ?", (row_id,))
        self._store.scrub()
        return record_id


def _find(connection: Connection, module: str, field: str, value: str) -> StoredRecord | None:
    if field == "id":
        query = f"SELECT {COLUMNS} FROM records WHERE module = ? AND id = ?"
        row = connection.execute(query, (module, _row_id(value))).fetchone()
        return _record(row) if row else None
    row = connection.execute(
        f"""SELECT {COLUMNS} FROM records
        WHERE module = ? AND lower(json_extract(fields, ?)) = lower(?) ORDER BY id LIMIT 1""",
        (module, f'$."{field}"', value),
    ).fetchone()
    return _record(row) if row else None


def _row_id(record_id: str) -> int:
    ours = record_id.isdecimal() and len(record_id) == len(str(FIRST_ID))
    return int(record_id) - FIRST_ID if ours else -1


def _record(row: tuple[object, ...]) -> StoredRecord:
    id, module, fields, created_at, updated_at = map(str, row)
    return StoredRecord(
        str(FIRST_ID + int(id)),
        module,
        msgspec.json.decode(fields),
        datetime.fromisoformat(created_at),
        datetime.fromisoformat(updated_at),
    )
