"""Judged checks of a comparison as JUnit XML, which every CI system can show.

A check is a test case: failed is a `failure`, what cannot be judged an `error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from hopwatch.checks.comparing import JudgedCheck
from hopwatch.reports.text import plain, shorten

_LONGEST: Final = 1000
_ELEMENTS: Final = {"failed": "failure", "unjudged": "error"}


def junit(checks: Sequence[JudgedCheck]) -> str:
    """The document, ending in a line break."""
    counts = {
        f"{element}s": str(sum(judged.verdict == verdict for judged in checks))
        for verdict, element in _ELEMENTS.items()
    }
    about = {"name": "hopwatch compare", "tests": str(len(checks)), **counts, "time": "0"}
    suites = ElementTree.Element("testsuites", about)
    suite = ElementTree.SubElement(suites, "testsuite", about | {"skipped": "0"})
    for judged in checks:
        names = [judged.check.name]
        if judged.subject not in ("", judged.check.hop):
            names.append(judged.subject)
        case = ElementTree.SubElement(
            suite, "testcase", classname="hopwatch.compare", name=_text(": ".join(names)), time="0"
        )
        words = _text(judged.words)
        if judged.verdict in _ELEMENTS:
            element = _ELEMENTS[judged.verdict]
            found = ElementTree.SubElement(case, element, message=words, type=judged.verdict)
            found.text = words
        else:
            ElementTree.SubElement(case, "system-out").text = words
    ElementTree.indent(suites)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{declaration}{ElementTree.tostring(suites, encoding='unicode')}\n"


def _text(text: str) -> str:
    """XML cannot hold control characters, not even escaped."""
    return plain(shorten(text, _LONGEST))
