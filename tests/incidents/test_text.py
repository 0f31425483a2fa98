"""Whatever people type is cleaned, measured, and can be stored."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from incidentbot.incidents.commands import add_note
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.text import (
    MESSAGE_LIMIT,
    TITLE_LIMIT,
    clean_line,
    clean_optional,
    clean_text,
    shorten,
)
from tests.team import Team

SURROGATE = "\ud800"
HOSTILE = [
    "\x00",
    "a\x00b",
    SURROGATE,
    f"a{SURROGATE}b",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "\u200b\u200d\ufeff",
    "🔥🔥",
    "👩‍🚒",
    "توقفت المدفوعات",
    "תשלומים נפלו",
    "\r\n \t\r",
    "a\rb\r\nc\n",
    "e\u0301",
    "\U000e0041",
    "\ufffe\uffff",
    "<!channel> & <script>",
    "x" * 10_001,
]
# Any text at all, with what gives trouble more often than chance would.
anything = st.text(
    st.characters(exclude_categories=[])
    | st.sampled_from("\x00\r\n\t \u2028\u2029\u0085\u200b\u200d\ufeff\u202e\u2066\ud800\udfff🔥é"),
    max_size=300,
)


def cleaned(clean: Callable[[str, str], str], value: str) -> str | None:
    try:
        return clean("title", value)
    except InvalidInput:
        return None


@pytest.mark.parametrize("clean", [clean_line, clean_text, clean_optional])
@given(value=anything)
@example(value="\r\x00\n")
@example(value="\x1c a \x85")
def test_any_text_is_cleaned_within_limits_and_once_is_enough(
    clean: Callable[[str, str], str], value: str
) -> None:
    text = cleaned(clean, value)
    if text is None:
        return
    assert len(text) <= (TITLE_LIMIT if clean is clean_line else MESSAGE_LIMIT)
    assert text == text.strip()
    assert cleaned(clean, text) == text
    text.encode()  # no lone surrogate is left
    kept = "\n\t" if clean is not clean_line else ""
    assert not [c for c in text if unicodedata.category(c) == "Cc" and c not in kept]
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    if clean is not clean_optional:
        assert text
    if clean is clean_line:
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "invisible", ["", " \n", "\x00", SURROGATE, "\u200b\u200d\ufeff", "\u202e"]
)
def test_what_cannot_be_seen_is_nothing(invisible: str) -> None:
    assert cleaned(clean_line, invisible) is None
    assert cleaned(clean_text, invisible) is None
    assert cleaned(clean_optional, invisible) == ""


@pytest.mark.parametrize(
    "typed,kept",
    [
        ("  Checkout \n is\tdown ", "Checkout is down"),
        ("a\x00b", "ab"),
        (f"a{SURROGATE}b", "ab"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("🔥", "🔥"),
        ("👩‍🚒 is here", "👩‍🚒 is here"),  # joined emoji stay whole
        ("توقفت المدفوعات", "توقفت المدفوعات"),
        ("<!channel> *now*", "<!channel> *now*"),  # each door escapes for itself
    ],
)
def test_a_line_keeps_what_was_meant(typed: str, kept: str) -> None:
    assert clean_line("title", typed) == kept


def test_text_keeps_its_lines_and_loses_the_space_around_them() -> None:
    assert clean_text("message", "\r\n  first  \r\n\r\n\tsecond\rthird \n\n") == (
        "first\n\n\tsecond\nthird"
    )


def test_the_limit_is_the_last_length_that_is_taken() -> None:
    assert clean_line("title", "x" * TITLE_LIMIT) == "x" * TITLE_LIMIT
    with pytest.raises(InvalidInput, match="At most 100 characters, please; this has 101"):
        clean_line("title", "x" * (TITLE_LIMIT + 1))


def test_text_that_is_too_long_is_refused_not_cut() -> None:
    with pytest.raises(InvalidInput, match="At most 10,000 characters"):
        clean_optional("summary", "x" * (MESSAGE_LIMIT + 1))


@given(st.text(), st.integers(1, 50))
def test_shortened_text_fits(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=anything, summary=anything)
def test_any_text_is_stored_as_it_was_cleaned_or_refused(
    team: Team, title: str, summary: str
) -> None:
    expected = cleaned(clean_line, title)
    if expected is None:
        with pytest.raises(InvalidInput) as refused:
            team.declare(title=title, summary=summary)
        assert refused.value.field == "title"
        assert refused.value.reason
        return
    incident = team.incident(team.declare(title=title, summary=summary))
    assert incident.title == expected
    assert incident.summary == clean_optional("summary", summary)


def test_hostile_text_is_stored_and_audited(team: Team) -> None:
    team.declare()
    texts = [text for value in HOSTILE if (text := cleaned(clean_text, value))]
    for text in texts:
        team.do(add_note, "INC-1", team.ada, text)
    assert [event.text for event in team.timeline()][1:] == texts
    assert team.problems() == []
