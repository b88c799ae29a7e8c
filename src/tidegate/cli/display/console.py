"""Where the command line writes: a rich console that interprets nothing in the text it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["is_live", "stdout"]

UNWRAPPED = 1000  # columns where there is no terminal: a line stays a line for whatever reads it


def stdout() -> Console:
    """A console on stdout: no markup, no emoji codes, no guessed colours; no ANSI where it is not a terminal."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `guard` ends every verb in the same way, rich would exit by itself

    console = Plain(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console = Plain(markup=False, emoji=False, highlight=False, width=UNWRAPPED)
    return console


def is_live(console: Console) -> bool:
    """Whether the console can redraw what it has shown."""
    return console.is_terminal and not console.is_dumb_terminal
