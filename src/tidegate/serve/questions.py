"""How a question of the page is written: the same for the server and for the answers kept in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus


def address(name: str, asked: Mapping[str, Any]) -> str:
    """A view's name and what is asked, as the page writes it: parameters by name, in alphabetical order."""
    written = (f"{key}={quote_plus(str(asked[key]), safe='*-._')}" for key in sorted(asked))
    return name + "?" + "&".join(written).replace("~", "%7E")  # the one character on which Python and browsers differ
