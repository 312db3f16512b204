"""Pieces of pages that Streamlit has no element for: HTML with links, made by templates.

Every text goes through markupsafe: what is formatted into a template is escaped, so that names
from spans are text. A click on a link of the dashboard changes the page without loading it
anew; the link is a real one all the same, to be copied or opened in a new tab.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from markupsafe import Markup

_HERE = Path(__file__).parent


def show(content: Markup, *, key: str) -> None:
    """Puts `content` on the page; links in it that begin with `/` lead to our pages."""
    _component()(data={"html": str(content)}, key=key)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "hopwatch_markup",
        css=(_HERE / "markup.css").read_text(encoding="utf-8"),
        js=(_HERE / "markup.js").read_text(encoding="utf-8"),
    )
