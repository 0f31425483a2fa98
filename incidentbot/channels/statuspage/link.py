"""Which page on Statuspage.io is kept true: the environment's, else the one an admin connected."""

import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.pacing import Pacer
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.channels.statuspage.endpoints import page_name_or_gone
from incidentbot.config import Settings
from incidentbot.database import DATABASE_AWAY
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.settings import require_admin
from incidentbot.outbox.dispatch import DeliveryError, Permanent, Skip
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import Connection, Unreadable
from incidentbot.status_pages.models import StatusPageSettings
from incidentbot.users.actor import Actor

log = logging.getLogger(__name__)

NOT_CONNECTED = "no page on Statuspage is connected"
_UNREADABLE = (
    "The key of the page on Statuspage cannot be read any more, because SECRET_KEY was changed. "
    "Connect the page again under Settings, Statuspage."
)


@dataclass(frozen=True)
class Statuspage:
    """What is needed to reach Statuspage from this installation."""

    url: str
    pacer: Pacer
    rate_factor: float
    secret: str = field(repr=False)
    by_environment: Connection | None = None

    def api(self, session: Session) -> StatuspageApi:
        """Return the connected page's API. Raises Skip where there is none, Permanent for a lost key."""
        found = self.by_environment
        if found is None:
            try:
                found = connection.stored_connection(session, self.secret)
            except Unreadable:
                raise Permanent(_UNREADABLE) from None
        if found is None:
            raise Skip(NOT_CONNECTED)
        return self.api_of(found)

    def api_of(self, found: Connection) -> StatuspageApi:
        """Return the API of a page that may not be connected yet."""
        return StatuspageApi(found.page_id, found.api_key, self.url, self.pacer, self.rate_factor)


def link_for(extensions: dict[str, Any]) -> Statuspage:
    """Return the way to Statuspage of an app: one for its pages and its deliveries, with one pace."""
    if "statuspage" not in extensions:
        extensions["statuspage"] = link_of(extensions["settings"])
    found: Statuspage = extensions["statuspage"]
    return found


def link_of(settings: Settings) -> Statuspage:
    """Return the way to Statuspage that the settings describe."""
    named = settings.statuspage
    return Statuspage(
        url=settings.statuspage_api_url,
        pacer=Pacer(settings.redis_url),
        rate_factor=settings.statuspage_rate_factor,
        secret=settings.secret_key.get_secret_value(),
        by_environment=Connection(named.page_id, named.api_key) if named else None,
    )


def adopt_environment(statuspage: Statuspage, sessions: sessionmaker[Session]) -> None:
    """Have the rules know of the page that the environment names.

    At the start of who delivers, and before each look around: the database may be away at first.
    """
    named = statuspage.by_environment
    try:
        with sessions() as session:
            connection.adopt_environment(session, named.page_id if named else None)
    except IntegrityError:  # another process adopts it at the same moment
        log.info("the page on Statuspage is being adopted elsewhere")
    except DATABASE_AWAY as error:
        log.warning("the database is away: %s", type(error).__name__)


def connect(
    statuspage: Statuspage, session: Session, actor: Actor, page_id: str, api_key: str
) -> StatusPageSettings:
    """Try a page and its key, and keep them when they work.

    Raises NotAllowed, and InvalidInput for field page_id or api_key with what Statuspage said.
    """
    require_admin(session, actor, connection.CONNECT)  # before Statuspage is asked
    page_id, api_key = page_id.strip(), api_key.strip()
    if not page_id.replace("-", "").replace("_", "").isalnum() or len(page_id) > 64:
        raise InvalidInput("page_id", "The page's id is letters and digits, such as 8xr3kq2m1v0p.")
    if not api_key.isascii() or not api_key.isprintable() or not api_key:
        raise InvalidInput("api_key", "Paste the key as Statuspage shows it.")
    session.rollback()  # nothing is held while Statuspage is asked
    found = Connection(page_id, api_key)
    try:
        name = page_name_or_gone(statuspage.api_of(found))
    except DeliveryError as error:
        about_the_page = "is not on Statuspage" in str(error)
        raise InvalidInput("page_id" if about_the_page else "api_key", str(error)) from None
    return connection.connect(session, actor, found, name, statuspage.secret)
