"""``tidegate generate RUN``: text of a trained language model."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tidegate.cli.devices import Device, chosen_device
from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
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
    prompt: Annotated[str, typer.Option(help="The text to continue.")] = "",
    length: Annotated[int, typer.Option(min=0, help="Tokens to write.")] = 500,
    endless: Annotated[bool, typer.Option("--endless", help="Write until Ctrl-C.")] = False,
    stop: Annotated[list[str] | None, typer.Option(help="End before this string; may be given again.")] = None,
    temperature: Annotated[float, typer.Option(min=0.0, help="Below 1 safer, above 1 more random, 0 greedy.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(min=1, help="Sample from the k most likely tokens only.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Sample from the smallest set of tokens with probability p.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Sample from tokens at least p times as likely as the best.")
    ] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the most likely token.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same text. Default: a random one.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Texts to write, in one batch.")] = 1,
    copies: Annotated[bool, typer.Option(help="Look for passages copied from the training text.")] = True,
    weights: Annotated[
        Literal["int8"] | None,
        typer.Option(
            help="Round the recurrent layers' weights to int8: quicker; `evaluate --weights int8` tells the loss."
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute; single steps suit a CPU.")] = "cpu",
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Generate text with a trained language model: the text goes to stdout, everything else to stderr.

    Examples:
        tidegate generate runs/demo --prompt 'def '
        tidegate generate runs/demo --temperature 0.5 --length 2000 --seed 1
    """
    if endless and count > 1:
        raise typer.BadParameter("only one endless text can be written", param_hint="--count")
    check_paths(run)
    import numpy as np

    from tidegate.text import generation
    from tidegate.train import load_run

    load_user_code(task, cell)
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
            weights=weights,
        )
    for warning in caught:
        note(f"note: {warning.message}")
    # Several texts are printed from here, so all of each is stored; of a single one only what copies are looked for in.
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
    """Print the texts one after the other while they are generated in one batch: the first as it comes."""
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
    # Control characters are made visible on a terminal; elsewhere the text is written unchanged.
    sys.stdout.write(visible(text) if _is_terminal() else text)
    sys.stdout.flush()


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def copy_report(run: Run, texts: list[str]) -> str:
    """Describe the longest passage of the texts that is in the run's training text verbatim."""
    from tidegate.text.generation import copied

    if not run.holds_data:
        return f"{run.place} does not hold the training text, so no copies of it are looked for."
    training = run.open_data().train
    longest = max((copied(run.tokenizer, text, training) for text in texts), key=lambda copy: copy.tokens)
    if longest.tokens == 0:
        return "No passage is copied from the training text."
    quoted = repr(longest.text if len(longest.text) <= QUOTED else longest.text[:QUOTED] + "...")
    name = run.tokenizer.name + ("" if longest.tokens == 1 else "s")
    return f"Longest passage copied from the training text: {longest.tokens} {name}: {quoted}"
