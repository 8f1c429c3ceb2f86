"""The vendors' process, as whoever starts it sees it."""

import json
import subprocess
import sys
from typing import Any

from tests.running import PATIENCE
from tests.vendors import zoho_server
from tests.vendors.resend_server import API_KEY
from tests.vendors.stripe_server import SECRET_KEY


class VendorProcess:
    """The vendors of a cluster; see `tests/faults/vendors.py`."""

    def __init__(self, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.vendors", str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.urls: dict[str, str] = self._read()

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def memory(self) -> dict[str, Any]:
        """All that the vendors have been sent."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        memory: dict[str, Any] = self._read()
        return memory

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)

    def settings(self) -> dict[str, str]:
        """What the product has to be told of them."""
        return {
            "DAYBOOK_ZOHO_CLIENT_ID": zoho_server.CLIENT_ID,
            "DAYBOOK_ZOHO_CLIENT_SECRET": zoho_server.CLIENT_SECRET,
            "DAYBOOK_ZOHO_REFRESH_TOKEN": zoho_server.REFRESH_TOKEN,
            "DAYBOOK_ZOHO_ACCOUNTS_BASE": self.urls["zoho"],
            "DAYBOOK_ZOHO_API_BASE": self.urls["zoho"],
            "DAYBOOK_RESEND_API_KEY": API_KEY,
            "DAYBOOK_RESEND_API_BASE": self.urls["resend"],
            "DAYBOOK_STRIPE_SECRET_KEY": SECRET_KEY,
            "DAYBOOK_STRIPE_API_BASE": self.urls["stripe"],
        }
