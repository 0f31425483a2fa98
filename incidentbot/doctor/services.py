"""The services that an installation relies on: do they answer, and do they let us in?"""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from incidentbot.audit.replays import last_request_at
from incidentbot.channels import smtp
from incidentbot.channels.slack.check import Connection, State, check
from incidentbot.channels.statuspage.endpoints import page_name_or_gone
from incidentbot.channels.statuspage.link import Statuspage
from incidentbot.channels.statuspage.reconcile import list_all
from incidentbot.config import Settings
from incidentbot.doctor.findings import Finding, Verdict, ok, problem, warning
from incidentbot.outbox.dispatch import DeliveryError, Permanent, Skip
from incidentbot.routing.models import AudienceKind
from incidentbot.routing.rules import list_rules
from incidentbot.status_pages.connection import list_components, page_settings
from incidentbot.status_pages.settings import address_of
from incidentbot.web.sso import discovery_address

TIMEOUT_SECONDS = 5
_ISSUER = {"slack": "SLACK_ISSUER", "oidc": "OIDC_ISSUER"}


def check_slack(session: Session, settings: Settings) -> Iterator[Finding]:
    """Yield what the connection to Slack lacks."""
    try:
        rules = [rule for rule in list_rules(session) if rule.kind is AudienceKind.CHANNEL]
        last = last_request_at(session)
    except SQLAlchemyError:
        rules, last = [], None
    finally:
        session.rollback()  # no transaction is held while Slack is asked
    verdicts = {
        State.GOOD: Verdict.OK,
        State.PROBLEM: Verdict.PROBLEM,
        State.UNKNOWN: Verdict.WARNING,
    }
    if settings.slack is None:
        yield warning(
            "Slack",
            "Not connected: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set.",
            "flask --app app slack manifest creates the app; see docs/slack-setup.md.",
        )
        return
    connection = Connection(
        token=settings.slack.bot_token,
        api_url=settings.slack_api_url,
        channels=[rule.target for rule in rules],
        last_request=last,
    )
    for found in check(connection):
        words = f"{found.words} {found.at:%Y-%m-%d %H:%M} UTC." if found.at else found.words
        yield Finding(verdicts[found.state], f"Slack: {found.what}", words, found.remedy)


def check_statuspage(session: Session, statuspage: Statuspage) -> Iterator[Finding]:
    """Ask Statuspage for what is read anyway. Whether the key may also write shows when it does."""
    what = "Statuspage"
    try:
        api = statuspage.api(session)
    except Skip:
        yield ok(what, "No page is connected.")
        return
    except Permanent as lost:
        yield problem(what, str(lost), "Or set SECRET_KEY to what it was.")
        return
    mapped = {row.component_id: row.name for row in list_components(session)}
    session.rollback()  # no transaction is held while Statuspage is asked
    try:
        name = page_name_or_gone(api)
        there = {component.id for component in list_all(api)}
    except Permanent as refusal:
        yield problem(what, str(refusal), "Connect the page again under Settings, Statuspage.")
        return
    except DeliveryError as error:
        yield warning(what, str(error), "Look at https://metastatuspage.com, and try again.")
        return
    yield ok(what, f"The page {name} opens to our key.")
    gone = sorted(name for number, name in mapped.items() if number not in there)
    if gone:
        yield problem(
            f"{what}: components",
            f"Not on the page any more: {', '.join(gone)}.",
            "Map their services again under Settings, Statuspage, Components.",
        )
    elif not mapped:
        yield warning(
            f"{what}: components",
            "None follows a service: nothing on the page will change.",
            "Map them under Settings, Statuspage, Components.",
        )
    else:
        yield ok(f"{what}: components", f"{len(mapped)} follow our services.")


def check_own_page(session: Session, settings: Settings) -> Iterator[Finding]:
    """Yield whether customers reach our own status page."""
    page = page_settings(session)
    session.rollback()  # no transaction is held while its address is asked
    if page is None or not page.is_on:
        yield ok("Status page", "Switched off.")
        return
    if settings.mail is None:
        yield warning(
            "Status page",
            "Nobody can subscribe to it by e-mail.",
            "Set SMTP_URL and MAIL_FROM, if customers are to be told.",
        )
    if page.host is None:
        yield ok("Status page", f"At {settings.base_url}/status.")
        return
    url = address_of(settings.base_url, page.host)
    try:
        with urllib.request.urlopen(f"{url}/api/v2/status.json", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - http or https
            json.load(answer)
    except (OSError, ValueError, HTTPException) as error:
        yield warning(
            "Status page",
            f"{url} does not show it to this machine: {getattr(error, 'reason', error)}.",
            "Point the name at this installation, give it a certificate, and have the proxy pass on Host.",
        )
    else:
        yield ok("Status page", f"{url} shows it.")


def check_providers(settings: Settings) -> Iterator[Finding]:
    """Yield whether each identity provider answers, by the name we know it by."""
    if not settings.providers:
        yield ok("Single sign-on", "Not set: people sign in by e-mail and password.")
    for provider in settings.providers:
        what = f"Sign in with {provider.name}"
        url = discovery_address(provider)
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - http or https
                named = dict(json.load(answer)).get("issuer")
        except (OSError, ValueError, TypeError, HTTPException) as error:
            yield problem(
                what,
                f"{url} cannot be read: {getattr(error, 'reason', error)}.",
                f"Check {_ISSUER[provider.key]}, and whether this machine may connect.",
            )
            continue
        if named != provider.issuer:
            yield problem(
                what,
                f"The provider calls itself {named}, and the setting says {provider.issuer}.",
                f"Set {_ISSUER[provider.key]} to what it calls itself, to the letter.",
            )
        else:
            yield ok(what, f"{named} answers.")


def check_mail(settings: Settings) -> Iterator[Finding]:
    """Yield whether the mail server takes mail from us. None is sent."""
    if settings.mail is None:
        yield ok("E-mail", "Not set: admins hand out links by hand.")
        return
    try:
        smtp.try_connection(settings.mail)
    except DeliveryError as error:
        yield problem("E-mail", str(error), "Correct SMTP_URL or MAIL_FROM.")
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        remedy = "Check SMTP_URL, and whether this machine may connect: many hosts block port 25."
        yield problem("E-mail", f"The mail server cannot be used: {error}", remedy)
    else:
        yield ok(
            "E-mail",
            f"{settings.mail.host} takes mail from {settings.mail.sender} (none was sent).",
        )
