"""A person, and the ways in which a person signs in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from incidentbot.database import Base, UtcDateTime, word


class Role(StrEnum):
    """What a person may do beyond the incidents they command."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"


class DirectMessages(StrEnum):
    """Which direct messages a person on a severity's list wants."""

    ALL = "all"
    START = "start"
    NONE = "none"


def _no_two_with_the_same(column: str) -> Index:
    """Return a unique index of people that holds nobody without a value.

    No foreign key can refer to an index with a condition. So PostgreSQL does not take what it holds for
    what others refer to: commands name a person while it changes, and neither waits for the other.
    """
    known = text(f"{column} IS NOT NULL")
    return Index(
        f"ix_users_{column}", column, unique=True, postgresql_where=known, sqlite_where=known
    )


class User(Base):
    """One person, whichever door they come through.

    `password_hash` is argon2's; None for who signs in by other ways. `session_epoch` is part of every
    session: raising it signs the person out everywhere. `time_zone` is an IANA name, `theme` is
    "light" or "dark"; None for what the browser says. `merged_into_id` names the account that goes on
    for this one, when both turned out to be one person.
    """

    __tablename__ = "users"
    __table_args__ = (_no_two_with_the_same("email"), _no_two_with_the_same("slack_user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    slack_user_id: Mapped[str | None] = mapped_column(String(32))
    role: Mapped[Role] = mapped_column(word(Role), default=Role.RESPONDER)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    session_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    time_zone: Mapped[str | None] = mapped_column(String(64))
    theme: Mapped[str | None] = mapped_column(String(8))
    direct_messages: Mapped[DirectMessages] = mapped_column(
        word(DirectMessages), default=DirectMessages.ALL, server_default="all"
    )
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    # What Flask-Login asks of a signed-in person.
    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Whether the person may sign in, command and be told."""
        return self.deactivated_at is None and self.merged_into_id is None

    def get_id(self) -> str:
        """Return what the session cookie keeps: the id, and the epoch that ends the session."""
        return f"{self.id}.{self.session_epoch}"


class SlackPerson(Base):
    """Somebody in our Slack workspace, as its directory had them at `seen_at`. No account: see directory.py.

    `name` is what they want to be called, `email` an address that Slack has confirmed.
    """

    __tablename__ = "slack_people"

    slack_user_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    real_name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Identity(Base):
    """A person's account at an OpenID Connect provider: `subject` as `issuer` names it."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    RESET = "reset"


class FailedSignIn(Base):
    """A wrong password, kept for a while to slow down who guesses. `email_hash` is SHA-256, in hex."""

    __tablename__ = "failed_sign_ins"
    __table_args__ = (
        Index("ix_failed_sign_ins_email_hash_at", "email_hash", "at"),
        Index("ix_failed_sign_ins_origin_at", "origin", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email_hash: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignInLink(Base):
    """A link that signs one person in, once. Only the hash of its secret is kept."""

    __tablename__ = "sign_in_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[LinkPurpose] = mapped_column(
        word(LinkPurpose), default=LinkPurpose.SIGN_IN, server_default="sign_in"
    )
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
