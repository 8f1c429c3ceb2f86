"""A mail server on loopback that speaks SMTP, with TLS if asked, and gives scripted answers on demand."""

import base64
import socketserver
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

USER, PASSWORD = "orders", "p/ss: w@rd"
CREDENTIALS = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Fault:
    """What one command is answered with: a scripted reply, or without one the connection breaks.

    `slow` says nothing until the server stops.
    """

    reply: str = ""
    slow: bool = False


@dataclass
class Mail:
    """A mail as it came over the wire, dots undone."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""
    options: str = ""
    user: str = ""
    encrypted: bool = False


class SmtpServer:
    """The mail server: its extensions, what it accepted, and the faults still to come by verb.

    Besides the commands there are `GREETING`, `TEXT` (a mail's text has come) and `ACCEPTED` (it is kept).
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False, utf8: bool = False
    ) -> None:
        self.tls, self.implicit, self.login, self.utf8 = tls, implicit, login, utf8
        self.port = 0
        self.mails: list[Mail] = []
        self.verbs: list[str] = []
        self.stopping = threading.Event()
        self.weather: Callable[[str], Fault | None] = lambda verb: None
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def plan(self, verb: str, *faults: Fault) -> None:
        """Faults of the next commands of this verb, one each."""
        self._faults[verb].extend(faults)

    def next_fault(self, verb: str) -> Fault | None:
        """Take the next planned fault of this verb; the weather's where none is planned."""
        return self._faults[verb].popleft() if self._faults[verb] else self.weather(verb)

    def extensions(self, *, encrypted: bool) -> list[str]:
        """What EHLO lists."""
        offered = ["8BITMIME", "SIZE 10000000"]
        if self.tls and not encrypted:
            offered.append("STARTTLS")
        if self.utf8:
            offered.append("SMTPUTF8")
        if self.login:
            offered.append("AUTH PLAIN")
        return offered


class Broken(Exception):
    """The connection ends here."""


class _Handler(socketserver.StreamRequestHandler):
    smtp: SmtpServer
    mail: Mail | None = None
    user = ""
    encrypted = False

    def handle(self) -> None:
        try:
            if self.smtp.implicit:
                self._encrypt()
            self._reply("GREETING", "220 mail.example ESMTP")
            while line := self.rfile.readline():
                self._command(line.decode().rstrip("\r\n"))
        except (Broken, OSError):
            return
        finally:
            self.connection.close()  # after TLS it is another socket than the one the server closes

    def _encrypt(self) -> None:
        if self.smtp.tls is None:
            raise Broken
        self.connection = self.smtp.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.encrypted = True

    def _fails(self, verb: str) -> bool:
        """Play the fault planned for this verb, if any."""
        fault = self.smtp.next_fault(verb)
        if fault is None:
            return False
        if fault.slow:
            self.smtp.stopping.wait()
        if not fault.reply:
            raise Broken
        self._write(fault.reply)
        return True

    def _reply(self, verb: str, *lines: str) -> bool:
        """Answer as usual unless a fault is planned; True when the command is to be carried out."""
        if self._fails(verb):
            return False
        self._write(*lines)
        return True

    def _write(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _command(self, line: str) -> None:
        verb = line.split(" ")[0].upper()
        self.smtp.verbs.append(verb)
        match verb:
            case "EHLO":
                words = ["mail.example", *self.smtp.extensions(encrypted=self.encrypted)]
                self._reply(verb, *(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}")
            case "HELO":
                self._reply(verb, "250 mail.example")
            case "STARTTLS" if self.smtp.tls:
                if self._reply(verb, "220 Go ahead"):
                    self._encrypt()
            case "AUTH" if self.smtp.login:
                right = line.partition(" ")[2] == f"PLAIN {CREDENTIALS}"
                if self._reply(verb, "235 Welcome" if right else "535 5.7.8 Wrong user or password") and right:
                    self.user = USER
            case "MAIL" | "RCPT" | "DATA":
                self._transaction(verb, line)
            case "RSET":
                self.mail = None
                self._reply(verb, "250 OK")
            case "QUIT":
                self._reply(verb, "221 Bye")
                raise Broken
            case _:
                self._reply(verb, "502 5.5.1 Not known here")

    def _transaction(self, verb: str, line: str) -> None:
        address, _, options = line.partition(":")[2].partition(" ")
        if self.smtp.login and not self.user:
            self._reply(verb, "530 5.7.0 Log in first")
        elif verb == "MAIL" and self.mail is None:
            if self._reply(verb, "250 OK"):
                self.mail = Mail(address.strip("<>"), options=options, user=self.user, encrypted=self.encrypted)
        elif verb == "RCPT" and self.mail is not None:
            if self._reply(verb, "250 OK"):
                self.mail.recipients.append(address.strip("<>"))
        elif verb == "DATA" and self.mail is not None and self.mail.recipients:
            if self._reply(verb, "354 Go on"):
                self._text(self.mail)
        else:
            self._reply(verb, "503 5.5.1 Out of order")

    def _text(self, mail: Mail) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise Broken
            lines.append(line.removeprefix(b"."))
        mail.content, self.mail = b"".join(lines), None
        if not self._fails("TEXT"):
            self.smtp.mails.append(mail)
            self._reply("ACCEPTED", "250 Queued")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def running(smtp: SmtpServer) -> Iterator[SmtpServer]:
    """Serve on a free port."""
    handler = type("Handler", (_Handler,), {"smtp": smtp})
    with _Server(("127.0.0.1", 0), handler) as server:
        smtp.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield smtp
        finally:
            smtp.stopping.set()
            server.shutdown()
            thread.join()
