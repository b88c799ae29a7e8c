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
        Path | None, typer.Argument(metavar="OUT", help="A new .safetensors; a program that uses it is written beside.")
    ] = None,
    nonlinearity: Annotated[
        Nonlinearity, typer.Option(help="Of RNN layers of PyTorch, whose files do not say it.")
    ] = Nonlinearity.TANH,
) -> None:
    """Say which recurrent layers a file of another program holds, and write them for Tidegate.

    Examples:
        tidegate convert model.keras layers.safetensors && python layers.py
    """
    from tidegate.convert import read
    from tidegate.convert.layers_file import write_layers
    from tidegate.convert.runtime_comparison import comparison_line

    found = read(file, nonlinearity=nonlinearity.value)
    typer.echo(str(found))
    if line := comparison_line(found):
        typer.echo(line)
    if out is not None:
        note(", ".join(str(it) for it in write_layers(found, out)))
