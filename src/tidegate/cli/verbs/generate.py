"""``tidegate generate RUN``: a trained model writes."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.devices import Device, chosen_device
from tidegate.cli.error_boundary import note
from tidegate.drawing.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.text.generation import Piece
    from tidegate.train import Run

__all__ = ["copy_report", "generate"]

REMEMBERED = 100_000  # pieces at the end of a long text in which copies are looked for
QUOTED = 60  # characters of a copy shown


def generate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    prompt: Annotated[str, typer.Option(help="The text to go on from.")] = "",
    length: Annotated[int, typer.Option(min=0, help="Characters, bytes or tokens to write.")] = 500,
    endless: Annotated[bool, typer.Option("--endless", help="Write until Ctrl-C.")] = False,
    stop: Annotated[list[str] | None, typer.Option(help="End before this string; may be given again.")] = None,
    temperature: Annotated[float, typer.Option(min=0.0, help="Below 1 safer, above 1 wilder; 0 is greedy.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(min=1, help="Draw from the k most likely only.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the smallest set that reaches probability p.")] = None,
    min_p: Annotated[float | None, typer.Option(help="Draw from those at least p times as likely as the best.")] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the most likely.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed writes the same text; fresh if left out.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Texts to write, in one batch.")] = 1,
    copies: Annotated[bool, typer.Option(help="Look for stretches copied from the training text.")] = True,
    device: Annotated[Device, typer.Option(help="Where to compute; one step at a time suits a CPU.")] = "cpu",
) -> None:
    """Write with a trained model; the text streams to stdout, all else is said on stderr."""
    if endless and count > 1:
        raise typer.BadParameter("endless text is written one at a time", param_hint="--count")
    import numpy as np

    from tidegate.text import generation
    from tidegate.train import load_run

    loaded = load_run(run, device=chosen_device(device))
    chosen = seed if seed is not None else int(np.random.SeedSequence().generate_state(1)[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pieces = generation.generate(
            loaded.model,
            loaded.tokenizer,
            prompt,
            length=None if endless else length,
            stop=stop,
            temperature=0.0 if greedy else temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            seed=chosen,
            count=count,
        )
    for warning in caught:
        note(f"note: {warning.message}")
    # Several texts are printed from here, so they are kept whole; a single one is only looked at for copies.
    texts: list[deque[str]] = [deque(maxlen=REMEMBERED if count == 1 else None) for _ in range(count)]
    interrupted = False
    try:
        _stream(pieces, prompt, texts)
    except KeyboardInterrupt:
        interrupted = True
    if seed is None and not (greedy or temperature == 0):
        note(f"Drawn with --seed {chosen}")
    if copies:
        if len(texts[0]) == texts[0].maxlen:
            note(f"Copies are looked for at the end of the text only, from {REMEMBERED:,} pieces before it.")
        note(copy_report(loaded, ["".join(text) for text in texts]))
    if interrupted:
        raise KeyboardInterrupt


def _stream(pieces: Iterator[Piece], prompt: str, texts: list[deque[str]]) -> None:
    """Print the texts one after the other while they are written side by side: the first as it comes."""
    shown = 0
    _heading(0, len(texts), prompt)
    try:
        for index, piece in pieces:
            texts[index].append(piece)
            if index == shown:
                _print(piece)
        for index in range(1, len(texts)):
            _print("\n")
            _heading(index, len(texts), prompt)
            _print("".join(texts[index]))
    finally:
        _print("\n")


def _heading(index: int, count: int, prompt: str) -> None:
    if count > 1:
        _print(f"--- {index + 1} of {count} ---\n")
    _print(prompt)


def _print(text: str) -> None:
    # What a terminal would obey is shown instead; whatever else reads us gets the text as it is.
    sys.stdout.write(visible(text) if _is_terminal() else text)
    sys.stdout.flush()


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def copy_report(run: Run, texts: list[str]) -> str:
    """The longest stretch of the texts that stands verbatim in the run's training text, in a sentence."""
    from tidegate.text.generation import copied

    training = run.open_corpus().train
    longest = max((copied(run.tokenizer, text, training) for text in texts), key=lambda copy: copy.tokens)
    if longest.tokens == 0:
        return "No stretch stands verbatim in the training text."
    quoted = repr(longest.text if len(longest.text) <= QUOTED else longest.text[:QUOTED] + "...")
    unit = run.tokenizer.name + ("" if longest.tokens == 1 else "s")
    return f"Longest stretch that stands verbatim in the training text: {longest.tokens} {unit}: {quoted}"
