"""Times on the pages without JavaScript: in the reader's own zone once they have chosen one."""

from datetime import UTC, date, datetime, timedelta

from incidentbot.web.times import ago_in_words, day_in_words, second_in_words, time_in_words

NOON = datetime(2026, 9, 5, 12, 4, tzinfo=UTC)


def test_a_time_is_in_the_readers_own_zone() -> None:
    assert time_in_words(NOON, "Asia/Tokyo") == "5 Sep 2026, 21:04"


def test_without_a_zone_it_is_utc_and_says_so() -> None:
    assert time_in_words(NOON, None) == "5 Sep 2026, 12:04 UTC"
    assert time_in_words(NOON, "Mars/Olympus") == "5 Sep 2026, 12:04 UTC"


def test_the_exact_time_has_seconds() -> None:
    assert second_in_words(NOON + timedelta(seconds=7)) == "5 Sep 2026, 12:04:07 UTC"


def test_a_day_has_no_leading_zero() -> None:
    assert day_in_words(date(2026, 9, 5)) == "5 Sep 2026"


def test_what_was_less_than_a_minute_ago_is_just_now() -> None:
    assert ago_in_words(NOON, NOON + timedelta(seconds=59)) == "just now"
    assert ago_in_words(NOON, NOON - timedelta(seconds=5)) == "just now"
    assert ago_in_words(NOON, NOON + timedelta(minutes=125)) == "2 h 5 min ago"
