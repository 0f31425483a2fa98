"""No link in the docs leads nowhere. What is on other hosts is looked at for its form only."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.markdown import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [problem for link in links(page) if (problem := _problem(page, link))] == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, `code`\n[a](#a-title-code) [b](other.md) [c](#nowhere) [d](https:/x) [e](page.md)"
    )

    assert [link for link in links(page) if _problem(page, link)] == [
        "other.md",
        "#nowhere",
        "https:/x",
    ]


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / link).resolve() for link in links(index)}
    assert {page for page in PAGES if page.is_relative_to(index.parent)} - listed == {index}


def test_every_page_can_be_reached_from_the_index() -> None:
    # GitHub itself shows those of the top folder.
    reached, waiting = set(), [*ROOT.glob("*.md"), ROOT / "docs/README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.is_file():
            continue
        reached.add(page)
        for link in links(page):
            path = urlsplit(link).path
            if path.endswith(".md") and not urlsplit(link).scheme:
                waiting.append((page.parent / path).resolve())
    lost = {str(page.relative_to(ROOT)) for page in PAGES} - {
        str(page.relative_to(ROOT)) for page in reached
    }
    assert lost == set()


def _problem(page: Path, link: str) -> str:
    parts = urlsplit(link)
    if parts.scheme:
        is_well = parts.scheme in ("http", "https", "mailto") and (parts.netloc or parts.path)
        is_well = is_well and (parts.scheme == "mailto" or bool(parts.netloc))
        return "" if is_well else f"{link}: not an address"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists():
        return f"{link}: there is no such file"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target):
        return f"{link}: no such heading"
    return ""
