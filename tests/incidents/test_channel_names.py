"""The name of an incident's channel is one that Slack takes."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.incidents.channel_names import (
    channel_name,
    private_channel_name,
    slugify,
    with_suffix,
)

DAY = datetime(2026, 3, 5, 23, 59, tzinfo=UTC)
VALID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")


@given(st.datetimes(timezones=st.just(UTC)), st.text(), st.integers(1, 10**9))
def test_every_name_is_valid_for_slack(day: datetime, service: str, number: int) -> None:
    name = channel_name(day, service, f"INC-{number}")
    assert VALID.fullmatch(name)
    assert name.startswith(f"inc-{day:%Y%m%d}-")
    assert VALID.fullmatch(with_suffix(name, str(number)))


@given(st.text(), st.text(st.sampled_from("abc0123"), min_size=1, max_size=10))
def test_a_suffix_survives_however_long_the_name_is(service: str, suffix: str) -> None:
    assert with_suffix(channel_name(DAY, service, "INC-1"), suffix).endswith(f"-{suffix}")


def test_a_private_name_tells_the_day_only() -> None:
    names = {private_channel_name(DAY) for _ in range(20)}
    assert len(names) > 15
    assert all(re.fullmatch(r"inc-20260305-[a-z]{6}", name) for name in names)


@given(st.text())
def test_a_slug_of_a_slug_is_the_same(text: str) -> None:
    assert slugify(slugify(text)) == slugify(text)


@pytest.mark.parametrize(
    "service,name",
    [
        ("payments", "inc-20260305-payments"),
        ("Search & Browse", "inc-20260305-search-browse"),
        ("Zahlungen für Österreich", "inc-20260305-zahlungen-fur-osterreich"),
        ("Платежи", "inc-20260305-inc-42"),  # nothing of it is left: the reference stands in
        ("🔥", "inc-20260305-inc-42"),
        ("x" * 100, f"inc-20260305-{'x' * 67}"),
    ],
)
def test_names_are_made_of_the_day_and_the_service(service: str, name: str) -> None:
    assert channel_name(DAY, service, "INC-42") == name
