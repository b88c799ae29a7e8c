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
    check: Annotated[bool, typer.Option(help="Compile the code and compare it with Python.")] = True,
) -> None:
    """Write a trained model as one C file with its weights, which needs neither Python nor a library.

    Examples:
        tidegate build runs/demo --out c && make -C c && cd c && ./example 'def '
    """
    check_paths(run)
    from tidegate import export
    from tidegate.train import load_run

    loaded = load_run(run)
    export.c(loaded.model, out, name=name, lanes=lanes, check=check, characters=_characters(loaded))
    said = "compiled, and its outputs are those of Python" if check else "not checked"
    note(f"{out}: {name}.c, {name}.h, {name}.bin, example.c, Makefile, README.md ({said})")


def _characters(loaded: Any) -> Sequence[str] | None:
    """Return the text of each token, if every token is a character, for an example that reads text."""
    from tidegate.text import LanguageModel
    from tidegate.text.tokenizers.characters import CharacterTokenizer

    if not isinstance(loaded.model, LanguageModel):
        return None
    tokenizer = loaded.tokenizer
    return [*tokenizer.characters] if isinstance(tokenizer, CharacterTokenizer) else None
