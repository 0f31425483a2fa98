"""What is read from Slack's requests."""

import pytest

from incidentbot.slack.requests import first_word, readable


@pytest.mark.parametrize(
    "marked,written",
    [
        ("p95 &gt; 2 s, search &amp; cart", "p95 > 2 s, search & cart"),
        ("&amp;lt; is how one writes &lt;", "&lt; is how one writes <"),
        ("<@U0BOB|bob> or <@U0ADA> or <@W0EVE>", "@bob or @Ada or @W0EVE"),
        ("see <#C0OPS|ops> and <#C0SECRET|>", "see #ops and #C0SECRET"),
        ("<https://example.com/?a=1&amp;b=2>", "https://example.com/?a=1&b=2"),
        ("<https://example.com|https://example.com>", "https://example.com"),
        ("<http://example.com|example.com>", "example.com"),
        ("<mailto:ada@example.com|ada@example.com>", "ada@example.com"),
        ("<https://example.com/1|the graph>", "the graph (https://example.com/1)"),
        ("<!here> <!channel|channel> <!subteam^S0ON|@oncall>", "@here channel @oncall"),
        ("<!date^1700000000^{date}|14 Nov 2023>", "14 Nov 2023"),
        ("a < b <> c", "a < b  c"),  # Slack sends neither; it must not hurt
        ("&lt;!channel&gt;", "<!channel>"),
    ],
)
def test_marked_up_text_is_read_as_it_was_written(marked: str, written: str) -> None:
    assert readable(marked, {"U0ADA": "Ada"}) == written


@pytest.mark.parametrize(
    "text,word,rest",
    [
        ("", "", ""),
        ("  ", "", ""),
        ("status", "status", ""),
        ("\n status \n two\n lines ", "status", "two\n lines "),
    ],
)
def test_a_word_ends_at_any_white_space(text: str, word: str, rest: str) -> None:
    assert first_word(text) == (word, rest)
