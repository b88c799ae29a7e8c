"""A page for each cell, and a table of all: everything on them is read off the cell, so a new cell has its page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from xml.etree import ElementTree

import torch
from latex2mathml.converter import convert_to_element

import tidegate
from tidegate.cells import Cell
from tidegate.cells.mask_defaults import Noise
from tidegate.engine import BACKENDS, Call, Weights, cost, program
from tidegate.engine.program.cost import pointwise_operations
from tools.docs.diagram import diagram
from tools.docs.equations import plain

SIZE = 256
LEGEND = (
    "Boxes with corners are weights (W with the input, U with a state, one weight per unit with ⊙), rounded boxes "
    "work on each unit by itself, ⊙ and + join vectors unit by unit; a bias stands in the sum it is added to. "
    "Names above boxes are what a trace shows."
)


def cell_page(cell: Cell) -> str:
    """The page in Markdown."""
    parts = [f"# {cell.name}", _words(cell)]
    facts = {"Paper": cell.paper, "Convention": cell.convention}
    parts.append("\n".join(f"* **{name}:** {_plain(fact)}" for name, fact in facts.items() if fact))
    parts += ["## Equations", f'<div class="equations">{mathml(cell)}</div>', _sources(cell)]
    parts += ["## One step", f'<figure class="step">\n{diagram(cell)}\n</figure>', LEGEND]
    parts += ["## Names", _names(cell), "## What a step costs", _costs(cell), "## Where it runs", _backends(cell)]
    parts += ["## In use", _use(cell)]
    return "\n\n".join(part for part in parts if part) + "\n"


def cells_page(cells: Iterable[Cell]) -> str:
    """The table of all cells in Markdown."""
    rows = [
        (
            f"[{_plain(cell.name)}]({cell.name}.md)",
            " ".join(cell.gates),
            " ".join(cell.states),
            f"{len(cell.input_gates)} + {len(cell.recurrent_gates)}",
            f"{cost(cell, SIZE, SIZE).parameters:,}",
            f"{cost(cell, SIZE, SIZE).flops:,}",
            f'<span class="paper">{_plain(cell.paper)}</span>',
        )
        for cell in cells
    ]
    heads = ("cell", "gates", "states", "products", "weights", "FLOPs a step", "paper")
    return (
        "\n\n".join(
            [
                "# Cells",
                "Every cell is its equations, written once; this table, the pages behind it and their drawings are "
                "made from them. *Products* are matrix products of a step, with the input + with a state; weights and "
                f"floating-point operations are of {SIZE} units that read {SIZE} features, one sequence. "
                "[Your own cell](../your_own_cell.md) takes ten lines.",
                _table(heads, rows, right=(4, 5)),
            ]
        )
        + "\n"
    )


def mathml(cell: Cell) -> str:
    """The equations as one MathML table: browsers draw it by themselves, without a script."""
    math = ElementTree.Element("math", display="block")
    table = ElementTree.SubElement(math, "mtable")
    for left, right in cell.equations("latex"):
        row = ElementTree.SubElement(table, "mtr")
        for latex, side in ((left, "right"), ("=", "center"), (right, "left")):
            place = ElementTree.SubElement(row, "mtd", style=f"text-align: {side}; padding: 0.25em 0.2em")
            place.extend(list(convert_to_element(latex)))
    plain(math)
    return ElementTree.tostring(math, encoding="unicode")


def cost_terms(cell: Cell) -> dict[str, dict[str, int]]:
    """Costs of one step as sums of products of sizes, ``{"HI": 4}`` for 4 H I; I inputs, H units, one sequence."""
    g_x, g_r = len(cell.input_gates), len(cell.recurrent_gates)
    biases = (g_x if cell.bias else 0) + len(cell.own_bias_gates)
    vectors = len(cell.parameters) + biases
    return {
        "parameters": {"HI": g_x, "HH": g_r, "H": vectors},
        "product_flops": {"HI": 2 * g_x, "HH": 2 * g_r},
        "pointwise_flops": {"H": pointwise_operations(program(cell)) + biases},
        "weight_bytes": {"HI": 4 * g_x, "HH": 4 * g_r, "H": 4 * vectors},
        "state_bytes": {"H": 4 * len(cell.states)},
        "saved_bytes": {"H": 4 * len(cell.recorded)},
    }


COSTS = {
    "parameters": "weights and biases",
    "product_flops": "FLOPs in matrix products",
    "pointwise_flops": "FLOPs unit by unit",
    "weight_bytes": "bytes of weights, read once a step",
    "state_bytes": "bytes of state, carried from step to step",
    "saved_bytes": "bytes kept of a step for training",
}


def unsupported(cell: Cell) -> dict[str, list[str]]:
    """For every backend by name, why it cannot run the cell on float32 tensors in this machine's memory."""
    g_x, g_r, own = len(cell.input_gates), len(cell.recurrent_gates), len(cell.own_bias_gates)
    weights = Weights(
        w_ih=torch.zeros(4 * g_x, 4) if g_x else None,
        w_hh=torch.zeros(4 * g_r, 4) if g_r else None,
        b_ih=torch.zeros(4 * g_x) if g_x and cell.bias else None,
        b_hh=torch.zeros(4 * g_r) if own else None,
        p={name: torch.zeros(4) for name in cell.parameters},
    )
    state = tuple(torch.zeros(2, 4) for _ in cell.states)
    masks = {name: torch.ones(3, 2, 4) for name in cell.masks}
    call = Call(cell, torch.zeros(3, 2, 4), weights, state, masks=masks)
    return {backend.name: backend.unsupported(call) for backend in BACKENDS}


def _words(cell: Cell) -> str:
    """The cell's docstring without its equations, which are given above the picture."""
    before, _, after = cell.doc.partition("::\n")
    lines = after.split("\n")
    rest = next((k for k, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return _plain("\n".join([before.strip(), "", *lines[rest:]]).strip())


def _sources(cell: Cell) -> str:
    return '??? note "As text, and as LaTeX for a paper"\n\n' + _indented(
        f"```text\n{cell.text()}\n```\n\n```latex\n{cell.latex()}\n```"
    )


def _names(cell: Cell) -> str:
    rows = [
        (
            f"`{gate}`",
            "gate",
            f"W_{gate}, H × I" if gate in cell.input_gates else "",
            f"U_{gate}, H × H" if gate in cell.recurrent_gates else "",
            " ".join(_biases(cell, gate)),
        )
        for gate in cell.gates
    ]
    rows += [
        (f"`{name}`", "state, and the output" if name == cell.states[0] else "state", "", "", "")
        for name in cell.states
    ]
    starts = dict.fromkeys(_start(cell, name) for name in cell.parameters)
    for start in starts:
        names = " ".join(f"`{name}`" for name in cell.parameters if _start(cell, name) == start)
        rows.append((names, f"one weight per unit, {start}", "", "", ""))
    rows += [(f"`{name}`", f"mask of every step, {_fill(cell, name)}", "", "", "") for name in cell.masks]
    traced = ", ".join(f"`{name}`" for name in cell.recorded)
    head = ("name", "what it is", "input weights", "recurrent weights", "biases")
    return f"{_table(head, [tuple(map(_plain_cell, row)) for row in rows])}\n\nA trace shows {traced}."


def _biases(cell: Cell, gate: str) -> list[str]:
    ours = [f"b_{gate}"] if cell.bias and gate in cell.input_gates else []
    return ours + ([f"b'_{gate}"] if gate in cell.own_bias_gates else [])


def _start(cell: Cell, name: str) -> str:
    return f"{cell.initial[name]:g} at first" if name in cell.initial else "random at first, as matrices are"


def _fill(cell: Cell, name: str) -> str:
    fill = cell.mask_defaults.get(name)
    if fill is None:
        return "given by the caller"
    return "drawn by the layer while it trains" if isinstance(fill, Noise) else "a number per unit"


def _costs(cell: Cell) -> str:
    price = cost(cell, SIZE, SIZE)
    rows = [(COSTS[name], _formula(terms), f"{getattr(price, name):,}") for name, terms in cost_terms(cell).items()]
    note = (
        "I inputs, H units, one sequence, numbers of 4 bytes. FLOPs count an addition and a multiplication as one "
        "each, and every operation on a unit as one, whatever it is."
    )
    return f"{_table(('a step', 'formula', f'I = H = {SIZE}'), rows, right=(2,))}\n\n{note}"


def _formula(terms: dict[str, int]) -> str:
    written = {"HI": "H I", "HH": "H²", "H": "H"}
    return " + ".join(f"{'' if n == 1 else f'{n} '}{written[sizes]}" for sizes, n in terms.items() if n) or "0"


def _backends(cell: Cell) -> str:
    rows = [(f"`{name}`", "; ".join(why) or "runs it") for name, why in unsupported(cell).items()]
    return "In order of preference, for float32 tensors on the CPU; the first that can run a call does.\n\n" + _table(
        ("backend", "this cell"), [tuple(map(_plain_cell, row)) for row in rows]
    )


def _use(cell: Cell) -> str:
    if given := [name for name in cell.masks if name not in cell.mask_defaults]:
        return f"Its masks ({', '.join(given)}) are given for every step: run it with `tidegate.engine.run`."
    code = f'layer = tidegate.nn.Recurrent("{cell.name}", input_size={SIZE}, hidden_size={SIZE})'
    if drop_in := _drop_ins().get(cell.name):
        code += f"\nlayer = tidegate.nn.{drop_in}  # the same, with the parameters and states of torch.nn"
    reference = f"[`tidegate.cells.{cell.name}`](../reference/cells.md#tidegate.cells.{cell.name})"
    return (
        f"```python\nimport tidegate\n\n{code}\n```\n\nIn the reference: {reference}. All cells: [overview](index.md)."
    )


def _drop_ins() -> dict[str, str]:
    nn = tidegate.nn
    layers = {
        f"LSTM({SIZE}, {SIZE})": nn.LSTM(1, 1),
        f"GRU({SIZE}, {SIZE})": nn.GRU(1, 1),
        f"RNN({SIZE}, {SIZE})": nn.RNN(1, 1),
        f'RNN({SIZE}, {SIZE}, nonlinearity="relu")': nn.RNN(1, 1, nonlinearity="relu"),
    }
    return {layer.cell.name: written for written, layer in layers.items()}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: tuple[int, ...] = ()) -> str:
    rule = ["--:" if k in right else "---" for k in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def _plain(text: str) -> str:
    """Text that Markdown is to leave alone: names with underscores, less-than signs, stars."""
    return "".join(f"\\{c}" if c in "*_[]" else c for c in escape(text, quote=False))


def _plain_cell(text: str) -> str:
    return text if text.startswith("`") else _plain(text).replace("|", "\\|")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
