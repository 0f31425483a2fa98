"""Flask extensions: the objects, no logic."""

from flask_compress import Compress
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect
from sqlalchemy.exc import DBAPIError

from incidentbot.database import Base


class RequestSession(Session):
    """A request's session. Its end cannot fail what the request has done."""

    def close(self) -> None:
        """Give the connection back; with one that was lost, what was only read is over already."""
        try:
            super().close()
        except DBAPIError:
            self.invalidate()


db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={"expire_on_commit": False, "class_": RequestSession},
)
migrate = Migrate(db=db)
login = LoginManager()
csrf = CSRFProtect()
compress = Compress()
