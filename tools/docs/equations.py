"""LaTeX between dollars to MathML, which browsers render without a script."""

from __future__ import annotations

import re
from html import unescape
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

# Code is left alone, fenced or in backticks. A price ("$5 and $6") is no equation: those begin and end without a blank.
PARTS = re.compile(
    r"(?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$|(?P<ticks>`+)(?:(?!(?P=ticks)).)+(?P=ticks))"
    r"|\$\$(?P<block>.+?)\$\$"
    r"|(?<![\\$\w])\$(?P<inline>[^\s$](?:[^$\n]|\n(?!\n))*?)(?<!\s)\$(?![\d$])",
    re.MULTILINE | re.DOTALL,
)


def with_mathml(markdown: str) -> str:
    """Replace the equations of a page by MathML.

    Raises:
        ValueError: an equation is not LaTeX that latex2mathml knows; the message quotes it.
    """

    def drawn(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"]
        if found["block"]:
            return f'<div class="equation">{mathml(found["block"], block=True)}</div>'  # scrolls where it is too wide
        return f"<span>{mathml(found['inline'])}</span>"  # Markdown takes <math> at the start of a line for a block

    return PARTS.sub(drawn, markdown)


def mathml(latex: str, *, block: bool = False) -> str:
    """One equation on one line; Markdown leaves it as it is.

    Raises:
        ValueError: it is not LaTeX that latex2mathml knows.
    """
    try:
        math = convert_to_element(" ".join(latex.split()), display="block" if block else "inline")
    except Exception as error:  # its errors are of many kinds
        raise ValueError(f"${latex}$ cannot be drawn: {type(error).__name__} {error}") from error
    plain(math)
    written = ElementTree.tostring(math, encoding="unicode")
    if re.search(r">\\[a-zA-Z]", written):  # unknown commands are left as they are
        raise ValueError(f"${latex}$ has a command that cannot be drawn")
    # Characters that mean emphasis or a link in Markdown are written as character references.
    return re.sub(r"[*_\[\]`]", lambda it: f"&#{ord(it[0])};", written)


def plain(math: ElementTree.Element) -> None:
    """Replace the references that latex2mathml writes as text ("&#x0003D;"), which would be escaped again."""
    for element in math.iter():
        element.text = unescape(element.text) if element.text else element.text
