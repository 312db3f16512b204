"""Names from spans, and the colours they go with."""

from __future__ import annotations

from markupsafe import Markup

from hopwatch_dashboards import theme


def name(text: str, longest: int = 160) -> Markup:
    """A name from spans, apart from the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(theme.readable(text, longest))


def swatch(colour: str, kind: str) -> Markup:
    """A little square of the colour, hatched for a gap, dotted for a wait."""
    return Markup('<i class="swatch {}" style="--colour:{}"></i>').format(kind, colour)


def sentences(*texts: str) -> Markup:
    """Each text as a paragraph."""
    return Markup("").join(Markup('<p class="says">{}</p>').format(text) for text in texts)
