"""Reads the documentation as GitHub shows it: code blocks, links, headings and their anchors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_REASON = re.compile(r"<!-- not run: (.+?) -->")
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass(frozen=True)
class Block:
    """A fenced block. `reason` says why its commands are not run."""

    page: Path
    line: int
    info: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, those in lists too."""
    found = []
    before: Token | None = None
    for token in _PARSER.parse(page.read_text()):
        if token.type == "fence":
            comment = before is not None and before.type == "html_block"
            reason = _REASON.match(before.content.strip()) if comment and before else None
            line = (token.map or [0])[0] + 1
            text = token.content
            found.append(Block(page, line, token.info.strip(), text, reason[1] if reason else ""))
        before = token
    return found


def links(page: Path) -> Iterator[str]:
    """Yield the target of every link and picture."""
    for token in _inline(page):
        for child in token.children or []:
            if child.type == "link_open":
                yield str(child.attrs["href"])
            elif child.type == "image":
                yield str(child.attrs["src"])


def code_words(page: Path) -> Iterator[str]:
    """Yield what stands between backticks in the text."""
    for token in _inline(page):
        for child in token.children or []:
            if child.type == "code_inline":
                yield child.content


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub gives a page's headings."""
    found: set[str] = set()
    tokens = _PARSER.parse(page.read_text())
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            text = "".join(
                child.content
                for child in tokens[position + 1].children or []
                if child.type in ("text", "code_inline")
            )
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            number = 0
            while (candidate := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(candidate)
    return found


def _inline(page: Path) -> Iterator[Token]:
    yield from (token for token in _PARSER.parse(page.read_text()) if token.type == "inline")
