"""How a mail is handed to the mail server, and what its refusals mean."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from incidentbot import clock
from incidentbot.config import Mail
from incidentbot.outbox.dispatch import Permanent, Retry
from incidentbot.outbox.models import Delivery

TIMEOUT_SECONDS = 15
NO_MAIL = "No e-mail is sent from here: SMTP_URL and MAIL_FROM are not set"


# What a refusal is about: https://www.rfc-editor.org/rfc/rfc3463. The second number is 1 for the
# address, 2 for the mailbox; 5.1.7 and 5.1.8 are about ours, and Exchange says 5.4.1 of nobody's.
_OF_THE_MAILBOX = re.compile(r"5\.(1\.(?![78]\b)|2\.|4\.1\b)")
_ENHANCED = re.compile(r"5\.\d{1,3}\.\d{1,3}\b")
_WITHOUT_ENHANCED = frozenset({550, 551, 553})


class NoSuchMailbox(Permanent):
    """The server refused the recipient for good, for a reason that is the recipient's."""


def identify(message: EmailMessage, mail: Mail, delivery: Delivery, version: str = "") -> None:
    """Give the mail what large mailboxes refuse it without: a date, and an id of its own.

    The id is the same at each attempt, so that a mailbox shows a mail that came twice once. A mail
    that says something else each time has a `version`.
    """
    domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    # A number alone may be that of another installation's delivery.
    name = f"delivery-{delivery.id}-{delivery.created_at.timestamp():.0f}{version}"
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{name}@{domain}>"


def send(mail: Mail, message: EmailMessage) -> None:
    """Hand the mail to the server.

    Raises Retry for what may pass, Permanent for what will not; NoSuchMailbox, a kind of that, where
    it is the recipient that is refused. The words never hold the recipient's address.
    """
    try:
        with _connect(mail) as server:
            # Nothing was accepted before this: until here no failure leaves doubt.
            _submit(server, message)
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal(error.smtp_code, "the user name or password in SMTP_URL") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent(f"The mail server cannot do what is needed: {error}") from error
    except smtplib.SMTPResponseException as error:
        words = _unnamed(_words(error.smtp_error), message["To"])
        raise _refusal(error.smtp_code, words) from None
    except ssl.SSLCertVerificationError as error:
        raise Permanent(f"The mail server's certificate is not trusted: {error.reason}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"The mail server cannot be reached: {error}") from error


def try_connection(mail: Mail) -> None:
    """Connect, sign in where SMTP_URL has a password, and name MAIL_FROM, without sending anything.

    Raises Retry or Permanent, or what smtplib and the network raise.
    """
    with _connect(mail) as server:
        code, answer = server.mail(mail.sender)
        if code >= 400:
            raise _refusal(code, f"MAIL_FROM {mail.sender}: {_words(answer)}")
        server.rset()


@contextmanager
def _connect(mail: Mail) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if mail.is_tls:
        server = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        is_encrypted = mail.is_tls
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            is_encrypted = True
        if mail.password is not None:
            if not is_encrypted:
                raise Permanent(
                    "The mail server offers no encryption, and SMTP_URL has a password: "
                    "it was not sent. Use a server that has STARTTLS, or smtps://."
                )
            server.login(mail.user or "", mail.password)
        yield server
        # Whatever comes of saying goodbye: the mail is theirs.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _submit(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        # `from None`: what it says has the address, and would be logged with what comes of it.
        code, text = next(iter(error.recipients.values()))
        words = _unnamed(_words(text), message["To"])
        if _is_of_the_mailbox(code, words):
            raise NoSuchMailbox(_sentence(code, words)) from None
        raise _refusal(code, words) from None
    except smtplib.SMTPServerDisconnected as error:
        raise Retry("The mail server hung up.", in_doubt=True) from error
    except TimeoutError as error:
        raise Retry("The mail server did not answer in time.", in_doubt=True) from error


def _refusal(code: int, words: str) -> Retry | Permanent:
    """Return what a refusal means: codes from 500 on are for good."""
    sentence = _sentence(code, words)
    return Permanent(sentence) if code >= 500 else Retry(sentence)


def _is_of_the_mailbox(code: int, words: str) -> bool:
    """Tell a mailbox that is gone from a server that does not let us send, which hits everybody."""
    if code < 500:
        return False
    enhanced = _ENHANCED.match(words)
    if enhanced:
        return _OF_THE_MAILBOX.match(words) is not None
    return code in _WITHOUT_ENHANCED and "relay" not in words.lower()


def _sentence(code: int, words: str) -> str:
    return f"The mail server refused ({code}): {words}"


def _words(text: bytes | str) -> str:
    return (text.decode(errors="replace") if isinstance(text, bytes) else text)[:300]


def _unnamed(words: str, recipient: str) -> str:
    """Return what the server said, without the address it may quote: it is kept, shown and logged."""
    local = recipient.partition("@")[0]
    quoted = rf"{re.escape(recipient)}|(?<![\w.+-]){re.escape(local)}(?![\w.+-])"
    return re.sub(quoted, "the recipient", words, flags=re.IGNORECASE)
