"""``tidegate convert FILE [OUT]``: what recurrent layers a file of another program holds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.error_boundary import note

__all__ = ["convert"]


class Nonlinearity(StrEnum):
    """Of plain recurrent layers in a state_dict, which does not say it."""

    TANH = "tanh"
    RELU = "relu"


def convert(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="PyTorch: .pt, .safetensors, .npz; Keras: .keras, .h5; ONNX: .onnx; TensorFlow 1: .ckpt.index, .pb; "
            "plug-ins: .nam, .json.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="A new .safetensors; a program that uses it is written beside. With --vocabulary: a new run folder.",
        ),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(help="The tokens of a language model in the order of their ids: lines, or JSON."),
    ] = None,
    nonlinearity: Annotated[
        Nonlinearity, typer.Option(help="Of RNN layers of PyTorch, whose files do not say it.")
    ] = Nonlinearity.TANH,
) -> None:
    """Say which recurrent layers a file of another program holds, and write them for Tidegate.

    Examples:
        tidegate convert model.keras layers.safetensors && python layers.py
        tidegate convert model.pt runs/words --vocabulary words.txt
    """
    from tidegate.convert import read
    from tidegate.convert.language_run import write_language_run
    from tidegate.convert.layers_file import write_layers
    from tidegate.convert.runtime_comparison import comparison_line

    if vocabulary is not None and (out is None or out.suffix == ".safetensors"):
        raise typer.BadParameter(
            "with --vocabulary, OUT is a new run folder, such as runs/words", param_hint="--vocabulary"
        )
    found = read(file, nonlinearity=nonlinearity.value)
    typer.echo(str(found))
    if line := comparison_line(found):
        typer.echo(line)
    if out is None:
        return
    if vocabulary is None:
        note(", ".join(str(it) for it in write_layers(found, out)))
    else:
        note(f"tidegate generate {write_language_run(found, out, vocabulary)}")
