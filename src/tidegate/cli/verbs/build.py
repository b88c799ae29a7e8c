"""``tidegate build RUN --out FOLDER``: a run's model as C code, a library or WebAssembly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code

__all__ = ["build"]


def build(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained model.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Prefix of files, functions and types.")] = "model",
    target: Annotated[
        Literal["c", "library", "wasm"],
        typer.Option(help="Besides the C code, a shared library for this machine; or WebAssembly and JavaScript."),
    ] = "c",
    embed: Annotated[
        bool, typer.Option("--embed", help="Weights as C code, so that no file is read; always so for wasm.")
    ] = False,
    vector: Annotated[
        Literal["auto", "16", "32", "64"],
        typer.Option(help="Bytes of the target's vectors: 16 NEON, SSE, wasm; 32 AVX2; 64 AVX-512."),
    ] = "auto",
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights and vectors in 8 bits: smaller and faster; says what it costs.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --int8: fixed scales of vectors, from the largest numbers on these data."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option(help="Run the code, and compare it with Python on random input and held-out data.")
    ] = True,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Write a trained model as one C file with its weights, which needs neither Python nor a library.

    Examples:
        tidegate build runs/demo --out c && make -C c && ./c/example 'def '
        tidegate build runs/demo --out small --int8
        tidegate build runs/demo --out web --target wasm
    """
    if calibrate is not None and not int8:
        raise typer.BadParameter("give it with --int8: only whole numbers have scales", param_hint="--calibrate")
    check_paths(run, [calibrate] if calibrate else None)
    from tidegate.export.c.model_folder import Options, Vector, write_folder
    from tidegate.export.graph.exported import without_units
    from tidegate.export.int8.calibration_files import sequences_of_files
    from tidegate.export.int8.held_out_loss import held_out_loss
    from tidegate.train import load_run

    load_user_code(task, cell)
    loaded = load_run(run)
    size: Vector = "auto" if vector == "auto" else int(vector)  # type: ignore[assignment]
    sequences = sequences_of_files(loaded, [calibrate]) if calibrate else None
    options = Options(name, size, target, embed, "int8" if int8 else "float32", sequences)
    written = write_folder(
        loaded,
        out,
        options,
        check=check,
        examine=(lambda computed: note(held_out_loss(loaded, without_units(loaded, computed)))) if int8 else None,
    )
    said = str(written.compared)
    if written.compared is None:
        said = "not compared with Python" + (", since there is no node to run it" if check else "")
        said += ", and what 8 bits cost is not measured" if int8 else ""
    note(f"{out}: {', '.join(written.files)} ({said})")
