"""The gallery page is what the tool says today."""

from __future__ import annotations

from pathlib import Path

from slips.gallery import CHOSEN, render

PAGE = Path(__file__).parent.parent / "docs" / "gallery.md"


def test_the_gallery_is_up_to_date():
    assert len(CHOSEN) == 30
    assert render() == PAGE.read_text(encoding="utf-8")
