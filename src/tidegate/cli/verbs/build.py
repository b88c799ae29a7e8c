"""``tidegate build RUN --out FOLDER``: a run's model as C code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build"]


def build(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained model.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder for the C code.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Prefix of files, functions and types.")] = "model",
    lanes: Annotated[int, typer.Option(help="Numbers computed together: 16 AVX-512, 8 AVX2, 4 NEON, SSE.")] = 16,
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights and vectors in 8 bits: smaller and faster; says what it costs.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Compile the code and compare it with Python.")] = True,
) -> None:
    """Write a trained model as one C file with its weights, which needs neither Python nor a library.

    Examples:
        tidegate build runs/demo --out c && make -C c && cd c && ./example 'def '
        tidegate build runs/demo --out small --int8
    """
    check_paths(run)
    from tidegate import export
    from tidegate.export.int8.held_out_loss import held_out_loss
    from tidegate.train import load_run

    loaded = load_run(run)
    export.c(
        loaded.model,
        out,
        name=name,
        lanes=lanes,
        weights="int8" if int8 else "float32",
        check=check,
        examine=(lambda compiled: note(held_out_loss(loaded, compiled))) if int8 else None,
        characters=_characters(loaded),
    )
    if not check:
        said = "not checked" + (", and what 8 bits cost not measured" if int8 else "")
    else:
        said = "compiled, and its outputs are those of Python" + (" in 8 bits" if int8 else "")
    note(f"{out}: {name}.c, {name}.h, {name}.bin, example.c, Makefile, README.md ({said})")


def _characters(loaded: Any) -> Sequence[str] | None:
    """Return the text of each token, if every token is a character, for an example that reads text."""
    from tidegate.text import LanguageModel
    from tidegate.text.tokenizers.characters import CharacterTokenizer

    if not isinstance(loaded.model, LanguageModel):
        return None
    tokenizer = loaded.tokenizer
    return [*tokenizer.characters] if isinstance(tokenizer, CharacterTokenizer) else None
