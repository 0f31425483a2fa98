"""How a mail is handed to the mail server, and what its refusals mean."""

import smtplib
import ssl
from contextlib import AbstractContextManager
from email.message import EmailMessage

from incidentbot.config import Mail
from incidentbot.outbox.dispatch import Permanent, Retry

TIMEOUT_SECONDS = 15
NO_MAIL = "No e-mail is sent from here: SMTP_URL and MAIL_FROM are not set"


def send(mail: Mail, message: EmailMessage) -> None:
    """Hand the mail to the server. Raises Retry for what may pass, Permanent for what will not."""
    try:
        with _connect(mail) as server:
            # Nothing was accepted before this: until here no failure leaves doubt.
            _submit(server, message)
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal(error.smtp_code, "the user name or password in SMTP_URL") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent(f"The mail server cannot do what is needed: {error}") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, _words(error.smtp_error)) from error
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


def _connect(mail: Mail) -> AbstractContextManager[smtplib.SMTP]:
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
    except BaseException:
        server.close()
        raise
    return server


def _submit(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _refusal(code, _words(text)) from error
    except smtplib.SMTPServerDisconnected as error:
        raise Retry("The mail server hung up.", in_doubt=True) from error
    except TimeoutError as error:
        raise Retry("The mail server did not answer in time.", in_doubt=True) from error


def _refusal(code: int, words: str) -> Retry | Permanent:
    """Return what a refusal means: codes from 500 on are for good."""
    sentence = f"The mail server refused ({code}): {words}"
    return Permanent(sentence) if code >= 500 else Retry(sentence)


def _words(text: bytes | str) -> str:
    return (text.decode(errors="replace") if isinstance(text, bytes) else text)[:300]
