"""Text that Markdown shows as it is."""

from html import escape


def escaped(text: str, also: str = "") -> str:
    """Escape what means something in Markdown or HTML, and the characters ``also``."""
    return "".join(f"\\{c}" if c in "*_[]" + also else c for c in escape(text, quote=False))
