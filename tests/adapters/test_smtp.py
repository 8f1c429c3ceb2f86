"""Mail over SMTP, spoken with a real server on loopback."""

import logging
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.smtp import SmtpMailer
from domain.shared.errors import Declined, Unreachable
from tests.vendors.smtp_server import PASSWORD, USER, Fault, SmtpServer, running

MESSAGE_ID = "<tracking-1@documents.example>"
LOGIN = "orders:p%2Fss%3A%20w%40rd@"


def mime(*, to: str = "ann@example.com", text: str = "Hello\n.a line with a dot\n") -> bytes:
    message = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    message["From"] = "Document Services <orders@documents.example>"
    message["To"] = to
    message["Subject"] = "✅ Order — received"
    message["Message-ID"] = MESSAGE_ID
    message.set_content(text)
    return message.as_bytes()


def mailer(
    server: SmtpServer, *, login: str = "", query: str = "", scheme: str = "smtp", timeout: float = 5
) -> SmtpMailer:
    return SmtpMailer(f"{scheme}://{login}127.0.0.1:{server.port}{query}", timeout=timeout)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with running(SmtpServer()) as smtp:
        yield smtp


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for 127.0.0.1 in `cert.pem` that nobody trusts yet."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2120, 1, 1, tzinfo=UTC)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    authority = x509.BasicConstraints(ca=True, path_length=None)
    signed = (
        builder.add_extension(names, critical=True).add_extension(authority, critical=True).sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(signed.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, form, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


@pytest.fixture
def trusted(tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The same, trusted by this process."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return tls


def test_the_bytes_arrive_as_they_are_and_the_message_id_is_the_proof(server: SmtpServer) -> None:
    assert mailer(server).send(mime(), key="k") == MESSAGE_ID
    (mail,) = server.mails
    assert mail.content == mime()
    assert (mail.sender, mail.recipients) == ("orders@documents.example", ["ann@example.com"])


def test_text_beyond_ascii_is_announced_as_such(server: SmtpServer) -> None:
    eight_bit = mime().replace(b"Hello", "Grüße".encode())
    mailer(server).send(eight_bit, key="k")
    mailer(server).send(mime(), key="k")
    assert ["BODY=8BITMIME" in mail.options for mail in server.mails] == [True, False]
    assert server.mails[0].content == eight_bit


def test_an_international_domain_travels_in_its_encoded_form(server: SmtpServer) -> None:
    mailer(server).send(mime(to="Ann <ann@exämple.com>, office@documents.example"), key="k")
    assert server.mails[0].recipients == ["ann@xn--exmple-cua.com", "office@documents.example"]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(server: SmtpServer) -> None:
    with pytest.raises(Declined) as no:
        mailer(server).send(mime(to="änn@example.com"), key="k")
    assert "example" not in str(no.value)
    with running(SmtpServer(utf8=True)) as modern:
        mailer(modern).send(mime(to="änn@exämple.com"), key="k")
        mailer(modern).send(mime(), key="k")
        assert modern.mails[0].recipients == ["änn@xn--exmple-cua.com"]
        assert ["SMTPUTF8" in mail.options for mail in modern.mails] == [True, False]
        assert modern.mails[0].content == mime(to="änn@exämple.com")


def test_an_address_that_is_none_is_declined(server: SmtpServer) -> None:
    with pytest.raises(Declined, match="not valid"):
        mailer(server).send(mime(to=f"ann@{'a' * 64}.example"), key="k")
    assert server.verbs == []


@pytest.mark.parametrize("verb", ["GREETING", "HELO", "MAIL", "RCPT", "DATA", "TEXT"])
def test_a_permanent_refusal_is_final_and_a_temporary_one_is_not(server: SmtpServer, verb: str) -> None:
    answers = {"550 5.1.1 <ann@example.com> is unknown": Declined, "451 4.3.0 <ann@example.com> later": Unreachable}
    for reply, error in answers.items():
        if verb == "HELO":
            server.plan("EHLO", Fault("502 what?"))
        server.plan(verb, Fault(reply))
        with pytest.raises(error) as told:
            mailer(server).send(mime(), key="k")
        assert "ann" not in str(told.value)
        assert reply[:3] in str(told.value)
    assert server.mails == []


def test_a_server_of_the_oldest_kind_is_understood(server: SmtpServer) -> None:
    server.plan("EHLO", Fault("502 what?"))
    assert mailer(server).send(mime(), key="k") == MESSAGE_ID


@pytest.mark.parametrize("fault", [Fault(), Fault(slow=True)])
@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "TEXT"])
def test_a_broken_or_silent_connection_is_tried_again(server: SmtpServer, verb: str, fault: Fault) -> None:
    server.plan(verb, fault)
    with pytest.raises(Unreachable):
        mailer(server, timeout=0.2 if fault.slow else 5).send(mime(), key="k")
    assert server.mails == []
    assert mailer(server).send(mime(), key="k") == MESSAGE_ID
    assert len(server.mails) == 1


def test_a_connection_that_breaks_after_the_text_may_send_twice_under_one_id(server: SmtpServer) -> None:
    server.plan("ACCEPTED", Fault())
    with pytest.raises(Unreachable):
        mailer(server).send(mime(), key="k")
    mailer(server).send(mime(), key="k")
    assert [mail.content for mail in server.mails] == [mime(), mime()]


@pytest.mark.parametrize("fault", [Fault(), Fault(slow=True), Fault("421 Closing")])
def test_a_missing_goodbye_does_not_undo_an_accepted_mail(server: SmtpServer, fault: Fault) -> None:
    server.plan("QUIT", fault)
    assert mailer(server, timeout=1 if fault.slow else 5).send(mime(), key="k") == MESSAGE_ID
    assert len(server.mails) == 1


def test_nobody_listening_is_unreachable(server: SmtpServer) -> None:
    with running(SmtpServer()) as gone:
        pass
    with pytest.raises(Unreachable):
        mailer(gone).send(mime(), key="k")


def test_one_refused_recipient_of_two_is_noted_and_the_mail_counts_as_sent(
    server: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.plan("RCPT", Fault("550 5.1.1 <ann@example.com> is unknown"))
    with caplog.at_level(logging.WARNING):
        assert mailer(server).send(mime(to="ann@example.com, ben@example.com"), key="k") == MESSAGE_ID
    assert server.mails[0].recipients == ["ben@example.com"]
    assert caplog.messages == ["a mail was accepted, but not for 1 of its recipients: [550]"]


def test_all_recipients_refused_but_one_only_for_now_is_tried_again(server: SmtpServer) -> None:
    server.plan("RCPT", Fault("550 unknown"), Fault("450 busy"))
    with pytest.raises(Unreachable):
        mailer(server).send(mime(to="ann@example.com, ben@example.com"), key="k")


def test_encryption_is_used_when_offered_and_the_login_goes_through_it(trusted: ssl.SSLContext) -> None:
    with running(SmtpServer(tls=trusted, login=True)) as smtp:
        mailer(smtp, login=LOGIN).send(mime(), key="k")
        assert (smtp.mails[0].user, smtp.mails[0].encrypted) == (USER, True)
        assert smtp.verbs.index("STARTTLS") < smtp.verbs.index("AUTH")


def test_smtps_is_encrypted_from_the_first_byte(trusted: ssl.SSLContext) -> None:
    with running(SmtpServer(tls=trusted, implicit=True)) as smtp:
        assert mailer(smtp, scheme="smtps").send(mime(), key="k") == MESSAGE_ID
        assert smtp.mails[0].encrypted
        assert "STARTTLS" not in smtp.verbs


@pytest.mark.parametrize("query", ["", "?starttls=required"])
def test_a_certificate_nobody_trusts_is_not_accepted(tls: ssl.SSLContext, query: str) -> None:
    with running(SmtpServer(tls=tls, login=True)) as smtp:
        with pytest.raises(Unreachable):
            mailer(smtp, login=LOGIN, query=query).send(mime(), key="k")
        assert "AUTH" not in smtp.verbs


def test_encryption_can_be_left_out_on_purpose(tls: ssl.SSLContext) -> None:
    with running(SmtpServer(tls=tls)) as smtp:
        mailer(smtp, query="?starttls=never").send(mime(), key="k")
        assert not smtp.mails[0].encrypted


def test_required_encryption_that_is_not_offered_is_declined(server: SmtpServer) -> None:
    with pytest.raises(Declined, match="settings require"):
        mailer(server, query="?starttls=required").send(mime(), key="k")
    assert "MAIL" not in server.verbs


@pytest.mark.parametrize(("reply", "error"), [("535 5.7.8 no", Declined), ("454 4.7.0 later", Unreachable)])
def test_refused_credentials_are_declined_and_a_login_out_of_order_is_not(reply: str, error: type[Exception]) -> None:
    with running(SmtpServer(login=True)) as smtp:
        smtp.plan("AUTH", Fault(reply))
        with pytest.raises(error) as told:
            mailer(smtp, login=LOGIN).send(mime(), key="k")
        assert PASSWORD not in str(told.value)


def test_a_password_leaves_this_machine_in_the_clear_only_on_purpose() -> None:
    with running(SmtpServer(login=True)) as smtp:
        # A name of this machine that is not recognised as one.
        with pytest.raises(Declined, match="password was not sent"):
            SmtpMailer(f"smtp://{LOGIN}127.1:{smtp.port}", timeout=5).send(mime(), key="k")
        assert "AUTH" not in smtp.verbs
        SmtpMailer(f"smtp://{LOGIN}127.1:{smtp.port}?starttls=never", timeout=5).send(mime(), key="k")
        assert smtp.mails[0].user == USER


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://orders:se/cret@mail.example",
        "smtp://mail.example:port",
        "smtp://mail.example?starttls=maybe",
        "smtp://mail.example?tls=1",
        "smtp://mail.example?secret",
    ],
)
def test_a_url_of_another_form_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="An SMTP URL looks like") as told:
        SmtpMailer(url)
    assert told.value.__suppress_context__
    assert "cret" not in str(told.value)
