"""What every sender needs: the way to Statuspage, and a way to read and write the database."""

from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from incidentbot.channels.statuspage.link import Statuspage


@dataclass(frozen=True)
class Sending:
    """Statuspage and the database."""

    statuspage: Statuspage
    sessions: sessionmaker[Session]
