"""The Makefile and the README of a model's folder."""

from __future__ import annotations

import tidegate
from tidegate.export.c.companions.templates import filled
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.exported import Exported
from tidegate.export.graph.model_digest import model_digest

STEPS = """\
{p}_model model;            /* points to the weights, which many threads may share */
{p}_state state;            /* what it remembers: one for each sequence */
{load}
{p}_reset(&model, &state);
{p}_step(&model, &state, {one}, y);"""

RUNS = """\
{p}_model model;            /* points to the weights, which many threads may share */
{load}
{p}_run(&model, {all}, n, room, y);   /* room: memory for {p}_room(n) bytes */"""


def makefile(code: ModelCode, *, embedded: bool) -> str:
    """Return the Makefile."""
    return filled("Makefile", p=code.name, sources=f"{code.name}.c" + (f" {code.name}_weights.c" if embedded else ""))


def readme(code: ModelCode, model: Exported, does: str, *, embedded: bool, more: list[str]) -> str:
    """Return the README.

    Args:
        code: the model.
        model: what is known about its inputs and outputs.
        does: what the example does.
        embedded: whether the weights are compiled in.
        more: lines on further files.
    """
    p, inputs = code.name, code.graph.inputs
    count = sum(t.numel() for t in code.numbers)
    if isinstance(code.products, Int8Products):
        kind = f"{4 * count:,} bytes of weights, matrices in int8"
    else:
        kind = f"{count:,} weights in float32"
    own = (
        f"* `{p}_weights.c`: {kind}, as the bits of words of 32."
        if embedded
        else f"* `{p}.bin`: {kind}, little-endian, in the order in which the code\n"
        f"  reads them. `{p}_load` refuses the weights of another model."
    )
    load = f"{p}_embedded(&model);" if embedded else f"{p}_load(&model, bytes, size);"
    names = {"one": [it.name for it in inputs], "all": [it.name for it in inputs]}
    names["one"] = ["token" if it.tokens is not None else it.name for it in inputs]
    use = (RUNS if code.graph.reads_backwards else STEPS).format(
        p=p, load=load, **{name: ", ".join(own) for name, own in names.items()}
    )
    notes = [*model.notes]
    if model.inputs:
        notes.append(f"The numbers of a frame are, in their units: {_listed(model.inputs)}.")
    if model.labels:
        notes.append(f"The outputs are: {_listed(model.labels)} (`{p}_labels` in the code).")
    notes.append(
        "Results differ from Python's by rounding; the comments of the functions say by how much these may err."
    )
    return filled(
        "README.md", p=p, what=described(code),
        version=tidegate.__version__, weights=own, example=does.rstrip(".") + ". `make && ./example`",
        more="".join(f"{line}\n" for line in more), use=use, notes="\n\n".join(notes) + "\n",
        digest=model_digest(code.graph).hex(),
    )  # fmt: skip


def described(code: ModelCode) -> str:
    """Say what a model is, in some words."""
    layers = len(code.graph.layers())
    return f"A model of {layers} recurrent layer{'s' * (layers != 1)}" if layers else "A model"


def _listed(names: tuple[str, ...]) -> str:
    readable = [it.encode("utf-8", "replace").decode().replace("`", "'") for it in names[:50]]
    shown = [f"`{' '.join(it.split())}`" for it in readable]
    return ", ".join(shown) + (f", and {len(names) - 50:,} more" if len(names) > 50 else "")
