"""Web addresses in what people write are links; nothing else of it is ever HTML."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidentbot.web.linked_text import linked


class _Read(HTMLParser):
    """What a browser makes of HTML: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def addresses(text: str) -> list[str | None]:
    return [attributes["href"] for _, attributes in _Read(linked(text)).tags]


@pytest.mark.parametrize(
    "text, found",
    [
        ("See https://grafana.example/d/1?a=1&b=2#x.", ["https://grafana.example/d/1?a=1&b=2#x"]),
        ("(http://example.com/a_(b))", ["http://example.com/a_(b)"]),
        ("https://a.example, https://b.example!", ["https://a.example", "https://b.example"]),
        ("HTTPS://EXAMPLE.COM", ["HTTPS://EXAMPLE.COM"]),
        ("http://localhost:3000/x", ["http://localhost:3000/x"]),
    ],
)
def test_web_addresses_are_links(text: str, found: list[str]) -> None:
    assert addresses(text) == found
    assert 'rel="noreferrer nofollow"' in linked(text)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,https",
        "ftp://example.com",
        "//example.com",
        "https://",
        "https://ada:secret@example.com/",
        "https://example.com@evil.example/",
        "https://[::1",
        "http://example.com:port/",
        "https://" + "a" * 3_000,
    ],
)
def test_everything_else_is_text(text: str) -> None:
    assert addresses(text) == []
    assert _Read(linked(text)).text == text


@pytest.mark.parametrize(
    "text",
    [
        'https://example.com/"onmouseover="alert(1)',
        "https://example.com/'><script>alert(1)</script>",
        "<a href='https://example.com'>x</a>",
        "https://example.com/&quot;onclick=&quot;x",
        "https://example.com/<img src=x onerror=alert(1)>",
    ],
)
def test_nothing_breaks_out_of_a_link(text: str) -> None:
    read = _Read(linked(text))
    assert read.text == text
    assert {tag for tag, _ in read.tags} == {"a"}
    assert all(attributes.keys() == {"href", "rel"} for _, attributes in read.tags)


_HOSTILE = st.lists(
    st.sampled_from(["https://", "http://", "a.example", "/", '"', "'", "<", ">", "&", ")", " "])
    | st.text(st.characters(exclude_characters="\r\0"), max_size=5),
    max_size=12,
).map("".join)


@given(_HOSTILE)
def test_whatever_is_written_is_shown_as_it_was(text: str) -> None:
    read = _Read(linked(text))
    assert read.text == text
    for tag, attributes in read.tags:
        assert tag == "a"
        assert attributes.keys() == {"href", "rel"}
        assert str(attributes["href"]).lower().startswith(("http://", "https://"))
