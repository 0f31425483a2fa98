"""The page of what was not delivered, when that is a lot."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from incidentbot.database import write_transaction
from incidentbot.extensions import db
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.publish import publish
from incidentbot.users.models import Role
from tests.outbox.post import letter

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def admin(app: Flask, signed_in: SignIn) -> FlaskClient:
    """An admin for whom 300 were given up for one reason and 2 for another, and one waits."""
    with app.app_context(), write_transaction(db.session()):
        many = publish(db.session(), [letter(f"many {n}") for n in range(300)])
        few = publish(db.session(), [letter(f"few {n}") for n in range(2)])
        publish(db.session(), [letter(f"on its way {n}") for n in range(120)])
        (late,) = publish(db.session(), [letter("late")])
        for delivery in (*many, *few):
            delivery.state = DeliveryState.PARKED
            delivery.last_error = "many fail" if delivery in many else "few fail"
        late.last_error = "Slack is slow"
    return signed_in(Role.ADMIN)


def parked(app: Flask) -> dict[str, int]:
    with app.app_context():
        rows: Any = db.session.execute(
            select(Delivery.last_error, func.count())
            .where(Delivery.state == DeliveryState.PARKED)
            .group_by(Delivery.last_error)
        )
        return dict(rows.all())


def test_all_are_counted_and_the_page_says_how_much_of_it_it_shows(admin: FlaskClient) -> None:
    page = admin.get("/settings/deliveries").text
    assert 'Given up <span class="count">302</span>' in page
    assert 'many fail <span class="count">300</span>' in page
    assert "The oldest 10 of 300:" in page
    assert page.count("few fail") == 1
    assert 'Waiting <span class="count">1</span>' in page, "not hidden by what goes its way"
    assert "Slack is slow" in page


def test_one_reason_or_all_is_tried_again(app: Flask, admin: FlaskClient) -> None:
    page = admin.get("/settings/deliveries").text
    like = page.split("Retry these 2")[0].rsplit('name="like" value="', 1)[1].split('"')[0]
    admin.post("/settings/deliveries/retry-all", data={"like": like})
    assert "2 deliveries are tried again." in admin.get("/settings/deliveries").text
    assert parked(app) == {"many fail": 300}
    refused = admin.post("/settings/deliveries/retry-all", data={"like": "everything"})
    assert refused.status_code == 404
    assert parked(app) == {"many fail": 300}
    admin.post("/settings/deliveries/retry-all")
    assert "300 deliveries are tried again." in admin.get("/settings/deliveries").text
    assert parked(app) == {}
