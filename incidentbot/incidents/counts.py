"""How many incidents there are: for the metrics, which name none."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import Incident


def count_incidents(session: Session) -> Counter[tuple[Severity, Status]]:
    """Count incidents by severity and status, private ones too."""
    rows = session.execute(
        select(Incident.severity, Incident.status, func.count()).group_by(
            Incident.severity, Incident.status
        )
    )
    return Counter({(severity, status): count for severity, status, count in rows})
