"""How far views have come, for a process that reads them and leaves their upkeep to another."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from projections.home import Home
from projections.view import View

POLL_SECONDS = 0.25  # between looks at the positions while nothing is heard

log = logging.getLogger("daybook.watching")


class Watcher:
    """Hears each view's position from whoever moves it; where nothing is heard, whoever waits looks it up."""

    def __init__(self, home: Home, views: Sequence[View]) -> None:
        self._home = home
        self._versions = {view.name: view.version for view in views}
        self._positions: dict[str, int] = {}
        self._moved = threading.Condition()

    def start(self, listen: Callable[[Callable[[str], None]], Callable[[], None]]) -> Callable[[], None]:
        """Begin to listen; returns how to stop."""
        return listen(self.hear)

    def hear(self, word: str) -> None:
        """A word is `view version position`; an empty one says that some may have been missed."""
        if not word:
            self._look()
            return
        view, version, position = word.split()
        with self._moved:
            if self._versions.get(view) == int(version):  # rows of another version are not those we read
                self._positions[view] = int(position)
            else:
                self._positions.pop(view, None)
            self._moved.notify_all()

    def _look(self) -> None:
        try:
            states = self._home.states()
        except SQLAlchemyError as error:
            log.warning("the views' positions cannot be read: %s", type(error).__name__)
            states = {}  # a server that comes back may have lost the last moments: what was heard counts no more
        with self._moved:
            self._positions = {
                name: state["position"]
                for name, state in states.items()
                if state["version"] == self._versions.get(name)
            }
            self._moved.notify_all()

    def wait(self, view: View, position: int, *, timeout: float) -> bool:
        """Wait until a view has come to a position; False when it has not in time (seconds)."""
        deadline = time.monotonic() + timeout
        while not self._wait(view, position, min(POLL_SECONDS, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                return False
            self._look()
        return True

    def _wait(self, view: View, position: int, seconds: float) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self._positions.get(view.name, -1) >= position, seconds)
