"""Text on its way to Slack: escaped, and cut to Slack's limits. Nothing a person typed skips this."""

from datetime import datetime

SECTION_LIMIT = 3_000  # https://docs.slack.dev/reference/block-kit/blocks/section-block
HEADER_LIMIT = 150  # https://docs.slack.dev/reference/block-kit/blocks/header-block
OPTION_LIMIT = 75
TOPIC_LIMIT = 250  # https://docs.slack.dev/reference/methods/conversations.setTopic
TEXT_LIMIT = 4_000  # beyond it Slack cuts a message's text

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str, limit: int = SECTION_LIMIT) -> str:
    """Return `text` with Slack's control characters escaped, in at most `limit` characters.

    Mentions such as `<!channel>` and links come out as the characters that were typed. A text that
    is too long ends in an ellipsis, never inside an escape.
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    pieces: list[str] = []
    length = 0
    for character in text:
        piece = _ESCAPES.get(character, character)
        length += len(piece)
        pieces.append(piece)
        if length > limit:
            break
    else:
        return "".join(pieces)
    while length > limit - 1:
        length -= len(pieces.pop())
    return "".join(pieces).rstrip() + "…"


def plain(text: str, limit: int) -> str:
    """Return `text` for a plain_text object, which Slack does not interpret, in `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quote(text: str, limit: int = SECTION_LIMIT) -> str:
    """Return what a person wrote as a quotation, escaped, in at most `limit` characters."""
    room = limit - 1 - text.count("\n") if text.count("\n") < limit // 2 else limit // 2
    lines = escape(text, room).split("\n")
    return plain("\n".join(f">{line}" for line in lines), limit)


def link(url: str, label: str) -> str:
    """Return a link. `url` is one of ours; `label` is escaped."""
    return f"<{url}|{escape(label, 150).replace('|', '¦')}>"


def when(moment: datetime) -> str:
    """Return a time that each reader sees in their own zone."""
    return (
        f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}"
        f"|{moment:%Y-%m-%d %H:%M} UTC>"
    )


def person(name: str, slack_user_id: str | None) -> str:
    """Return a mention for a person known in Slack, else their name."""
    return f"<@{slack_user_id}>" if slack_user_id else escape(name, 150)
