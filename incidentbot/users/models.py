"""A person, and the links that sign a person in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from incidentbot.database import Base, UtcDateTime, word


class Role(StrEnum):
    """What a person may do beyond the incidents they command."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"


class User(Base):
    """One person, whichever door they come through."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    slack_user_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    role: Mapped[Role] = mapped_column(word(Role), default=Role.RESPONDER)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    # What Flask-Login asks of a signed-in person.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the id kept in the session cookie."""
        return str(self.id)


class SignInLink(Base):
    """A link that signs one person in, once. Only the hash of its secret is kept."""

    __tablename__ = "sign_in_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
