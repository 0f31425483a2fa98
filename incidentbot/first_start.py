"""What a new installation begins with: templates, services and routing, all editable afterwards."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from incidentbot.audit.log import GENESIS, HEAD_ID
from incidentbot.audit.models import AuditHead
from incidentbot.config import Settings
from incidentbot.database import write_transaction
from incidentbot.incidents.channel_names import slugify
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Counter, Service, Template
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.users.people import add_slack_person, find_by_slack_id

# name, title, severity, description
TEMPLATES = (
    (
        "Database outage",
        "Database unavailable",
        Severity.P1,
        "Queries fail or time out.\n"
        "Check: primary up? disk full? connections used up? replication lag? recent migration?",
    ),
    (
        "API degradation",
        "API slow or failing",
        Severity.P2,
        "Error rate or latency is above normal.\n"
        "Check: which endpoints and regions? recent deploy? dependency slow? traffic spike?",
    ),
    (
        "Payment failure",
        "Payments failing",
        Severity.P1,
        "Customers cannot pay.\n"
        "Check: provider's status page, share of failures, which methods; are orders kept for retry?",
    ),
    (
        "Authentication slowness",
        "Sign-in slow or failing",
        Severity.P2,
        "People cannot sign in, or wait long.\n"
        "Check: identity provider, session store, rate limits, certificate expiry.",
    ),
    (
        "CDN problem",
        "Static content not loading",
        Severity.P2,
        "Pages load without styles, images or scripts.\n"
        "Check: CDN's status page, cache purge, DNS, certificates; can traffic go to the origin?",
    ),
    (
        "Security incident",
        "Possible security breach",
        Severity.P1,
        "Signs of access by somebody who should have none.\n"
        "First: tell security, keep evidence, contain. Do not post details in public channels.",
    ),
    (
        "Failed deploy",
        "Deploy failed",
        Severity.P3,
        "A release broke something or did not finish.\n"
        "Check: can it be rolled back? did migrations run? which version is live where?",
    ),
    (
        "Third-party outage",
        "Third party unavailable",
        Severity.P3,
        "A provider we depend on is down.\n"
        "Check: provider's status page, what of ours depends on it, fallback, support contact.",
    ),
)


def fill(session: Session, settings: Settings) -> bool:
    """Put the defaults into an empty database; return False when it was filled before."""
    with write_transaction(session):
        if not _is_ours_to_fill(session):
            return False
        session.add(AuditHead(id=HEAD_ID, seq=0, hash=GENESIS))
        for name, title, severity, summary in TEMPLATES:
            session.add(Template(name=name, title=title, severity=severity, summary=summary))
        for service, owners in _services(settings):
            session.add(service)
            for slack_id in owners:
                owner = find_by_slack_id(session, slack_id) or add_slack_person(session, slack_id)
                service.owners.append(owner)
        session.add_all(_routing(settings))
        for slack_id in settings.p1_users:
            if find_by_slack_id(session, slack_id) is None:
                add_slack_person(session, slack_id)
    return True


def _is_ours_to_fill(session: Session) -> bool:
    """Take the counter as the sign of a filled database; of two processes at once, one gets it."""
    if session.get(Counter, "incident") is not None:
        return False
    try:
        with session.begin_nested():
            session.add(Counter(name="incident", value=0))
    except IntegrityError:
        return False
    return True


def _services(settings: Settings) -> list[tuple[Service, list[str]]]:
    """Return each service with its owners' Slack ids. Names that make the same slug are one service."""
    services: dict[str, Service] = {}
    owners: dict[str, dict[str, None]] = {}
    for number, name in enumerate(dict.fromkeys((*settings.services, *settings.service_owners)), 1):
        slug = slugify(name)[:60].rstrip("-") or f"service-{number}"
        services.setdefault(slug, Service(slug=slug, name=name[:100]))
        owners.setdefault(slug, {}).update(dict.fromkeys(settings.service_owners.get(name, [])))
    return [(service, list(owners[slug])) for slug, service in services.items()]


def _routing(settings: Settings) -> list[RoutingRule]:
    general = settings.notification_channel_general
    engineering = settings.notification_channel_engineering
    channels = {Severity.P1: (general, engineering), Severity.P2: (engineering,)}
    rules = [
        RoutingRule(severity=severity, kind=AudienceKind.CHANNEL, target=target)
        for severity, targets in channels.items()
        for target in dict.fromkeys(targets)
    ]
    rules += [
        RoutingRule(severity=Severity.P1, kind=AudienceKind.PERSON, target=target)
        for target in dict.fromkeys(settings.p1_users)
    ]
    return rules
