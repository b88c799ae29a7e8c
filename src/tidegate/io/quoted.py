"""Values of users in messages."""


def quoted(value: object, most: int = 80) -> str:
    """Return a value as Python writes it; one of more than ``most`` characters is cut, with its closing quote."""
    text = repr(value)
    if len(text) <= most:
        return text
    end = text[-1] if isinstance(value, str) else ""
    return f"{text[: most - 3 - len(end)]}...{end}"
