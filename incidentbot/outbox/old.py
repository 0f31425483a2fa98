"""What has become of deliveries that were over long ago."""

from datetime import timedelta

from sqlalchemy import delete, exists, select, text
from sqlalchemy.orm import Session, aliased

from incidentbot import database
from incidentbot.outbox.models import IS_OVER, Delivery


def delete_old(session: Session, kept: timedelta, limit: int) -> int:
    """Delete up to `limit` deliveries that belong to no incident and were over for longer than `kept`.

    Inside the caller's transaction; returns how many. Who was told what of an incident is part of it,
    and stays as long as the incident.
    """
    waiting = aliased(Delivery)
    old = (
        select(Delivery.id)
        .where(
            text(IS_OVER),  # as words, for the index
            Delivery.finished_at < database.now(session) - kept,
            ~exists().where(waiting.waits_for_id == Delivery.id),
        )
        .order_by(Delivery.finished_at)
        .limit(limit)
    )
    return database.count_changed(session, delete(Delivery).where(Delivery.id.in_(old)))
