"""How language models are looked at."""

from tidegate.lens.tasks.task_look import TextLook
from tidegate.train import Run


def look(run: Run) -> TextLook:
    """Return how a language model is looked at: while it reads or writes a text."""
    return TextLook()
