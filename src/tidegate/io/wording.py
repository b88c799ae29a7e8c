"""Values in messages: quoted, and counted."""


def quoted(value: object, most: int = 80) -> str:
    """Return a value as Python writes it; one of more than ``most`` characters is cut, with its closing quote."""
    text = repr(value)
    if len(text) <= most:
        return text
    end = text[-1] if isinstance(value, str) else ""
    return f"{text[: most - 3 - len(end)]}...{end}"


def amount(number: float, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1: "1 step", "8,000 steps", "7.5 words"."""
    shown = f"{number:,.1f}".removesuffix(".0")
    return f"{shown} {noun}{'' if shown == '1' else 's'}"
