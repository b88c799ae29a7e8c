"""Text from models and corpora is untrusted: what a terminal would obey is shown instead."""

import unicodedata

__all__ = ["visible"]

# Control characters (ANSI escapes begin with one), invisible format characters (some reverse the direction of the
# line), lone surrogates, line and paragraph separators. ZWNJ and ZWJ are ordinary parts of Persian, Hindi and emoji.
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SHOWN = {"\n", "\t", "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}


def visible(text: str) -> str:
    r"""The text with every character a terminal would obey written as its escape, such as ``\x1b``.

    Newlines and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in SHOWN or unicodedata.category(character) not in HIDDEN else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
