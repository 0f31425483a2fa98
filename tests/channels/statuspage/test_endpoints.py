"""What Statuspage answers is read with care: one thing that is new to us does not hide all the others."""

from typing import Any

import pytest

from incidentbot.channels.pacing import Pacer
from incidentbot.channels.statuspage import endpoints
from incidentbot.channels.statuspage.api import StatuspageApi
from incidentbot.outbox.dispatch import Permanent


def answering(answer: Any) -> StatuspageApi:
    """Return an API whose every call has this answer."""

    class Answering(StatuspageApi):
        def call(self, *_arguments: Any, **_more: Any) -> Any:
            return answer

    return Answering("page", "key", "http://127.0.0.1:9", Pacer(None), 0)


KNOWN = {"id": "c1", "name": "Cards", "status": "operational"}
UNKNOWN = {"id": "c2", "name": "Search", "status": "on_holiday"}


@pytest.mark.parametrize("strange", [UNKNOWN, {"id": "c3"}, {**KNOWN, "status": None}])
def test_a_component_that_cannot_be_read_is_left_out_and_logged(
    strange: Any, caplog: pytest.LogCaptureFixture
) -> None:
    page = endpoints.components(answering([strange, KNOWN]), 1)
    assert [component.id for component in page.components] == ["c1"]
    assert "cannot be read" in caplog.text


def test_one_that_is_to_be_set_says_in_words_what_is_wrong() -> None:
    with pytest.raises(Permanent, match="does not know"):
        endpoints.component(answering(UNKNOWN), "c2")
