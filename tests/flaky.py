"""Vendors that can be made to fail, in front of the sandbox ones."""

from collections.abc import Callable, Mapping
from typing import BinaryIO

from domain.shared.ports import Crm, Field, Mailer


class Trouble:
    """What befalls the next writes at a vendor, in turn: an error before they are done, or one after."""

    def __init__(self) -> None:
        self._ahead: list[tuple[BaseException | None, bool]] = []
        self.calls = 0

    def succeed(self, times: int) -> None:
        """The next writes go well."""
        self._ahead += [(None, True)] * times

    def fail(self, *errors: BaseException) -> None:
        """The next writes do nothing and fail."""
        self._ahead += [(error, False) for error in errors]

    def break_after(self, *errors: BaseException) -> None:
        """The next writes are carried out, but their answers are lost."""
        self._ahead += [(error, True) for error in errors]

    def through(self, write: Callable[[], str]) -> str:
        self.calls += 1
        error, done = self._ahead.pop(0) if self._ahead else (None, True)
        answer = write() if done else ""
        if error is not None:
            raise error
        return answer


class FlakyMailer(Trouble):
    """A mailer that can fail; `attempts` are the (message, key) of every call."""

    def __init__(self, real: Mailer) -> None:
        super().__init__()
        self._real = real
        self.attempts: list[tuple[bytes, str]] = []

    def send(self, message: bytes, *, key: str) -> str:
        self.attempts.append((message, key))
        return self.through(lambda: self._real.send(message, key=key))

    def delete(self, *, key: str, id: str | None) -> str:
        return self.through(lambda: self._real.delete(key=key, id=id))


class FlakyCrm(Trouble):
    """A CRM whose writes can fail; reading always works."""

    def __init__(self, real: Crm) -> None:
        super().__init__()
        self._real = real
        self.find, self.attachments = real.find, real.attachments

    def create(self, module: str, fields: Mapping[str, Field]) -> str:
        return self.through(lambda: self._real.create(module, fields))

    def update(self, module: str, record_id: str, fields: Mapping[str, Field]) -> str:
        return self.through(lambda: self._real.update(module, record_id, fields))

    def upsert(self, module: str, fields: Mapping[str, Field], *, unique: str) -> str:
        return self.through(lambda: self._real.upsert(module, fields, unique=unique))

    def attach(self, module: str, record_id: str, *, name: str, media_type: str, content: BinaryIO) -> str:
        return self.through(
            lambda: self._real.attach(module, record_id, name=name, media_type=media_type, content=content)
        )

    def delete(self, module: str, record_id: str) -> str:
        return self.through(lambda: self._real.delete(module, record_id))
