"""A page for each cell and a table of all, generated from the cells."""

from collections.abc import Iterable
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
from tools.docs.escaped import escaped
from tools.docs.papers import with_links

SIZE = 256
LEGEND = (
    "Boxes with corners are weights (W of the input, U of a state, ⊙ for one weight per hidden unit), rounded boxes "
    "are elementwise functions, ⊙ and + are elementwise; a bias is written in its sum. "
    "Names above boxes are those in a trace."
)


def cell_page(cell: Cell) -> str:
    """The page in Markdown."""
    parts = [f"# {cell.name}", _words(cell)]
    notes = {"Paper": with_links(cell.paper, titles=True), "Convention": escaped(cell.convention)}
    parts.append("\n".join(f"* **{name}:** {note}" for name, note in notes.items() if note))
    parts += ["## Equations", f'<div class="equations">{mathml(cell)}</div>', _sources(cell)]
    parts += ["## One step", f'<figure class="step">\n{diagram(cell)}\n</figure>', LEGEND]
    parts += ["## Names", _names(cell), "## What a step costs", _costs(cell), "## Where it runs", _backends(cell)]
    parts += ["## In use", _use(cell)]
    return "\n\n".join(part for part in parts if part) + "\n"


def cells_page(cells: Iterable[Cell]) -> str:
    """The table of all cells in Markdown."""
    rows = [
        (
            f"[{escaped(cell.name)}]({cell.name}.md)",
            " ".join(cell.gates),
            " ".join(cell.states),
            f"{len(cell.input_gates)} + {len(cell.recurrent_gates)}",
            f"{cost(cell, SIZE, SIZE).parameters:,}",
            f"{cost(cell, SIZE, SIZE).flops:,}",
            with_links(cell.paper, titles=False),
        )
        for cell in cells
    ]
    heads = ("cell", "gates", "states", "products", "weights", "FLOPs", "paper")
    return (
        "\n\n".join(
            [
                "# Cells",
                "Every cell is its equations, written once; this table, the cells' pages and their drawings are "
                "generated from them. *Products* are the matrix products of a step, of the input + of a state; weights "
                f"and floating-point operations (FLOPs) of a step are for {SIZE} hidden units, {SIZE} input features "
                "and one sequence. [Your own cell](../your_own_cell.md) takes ten lines.",
                _table(heads, rows, right=(4, 5)),
            ]
        )
        + "\n"
    )


def mathml(cell: Cell) -> str:
    """The equations as one MathML table, which browsers render without a script."""
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
    """Costs of a step as sums of products of sizes: ``{"HI": 4}`` is 4 H I, for I inputs and H hidden units."""
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
    "pointwise_flops": "elementwise FLOPs",
    "weight_bytes": "bytes of weights, read once per step",
    "state_bytes": "bytes of state, carried from step to step",
    "saved_bytes": "bytes saved per step for training",
}


def unsupported(cell: Cell) -> dict[str, list[str]]:
    """For each backend by name, why it does not run the cell by default, with float32 tensors on the CPU."""
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
    return {backend.name: backend.unsupported(call) or backend.not_by_default(call) for backend in BACKENDS}


def _words(cell: Cell) -> str:
    """The cell's docstring without its equations, which the page shows as MathML."""
    before, _, after = cell.doc.partition("::\n")
    lines = after.split("\n")
    rest = next((k for k, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return escaped("\n".join([before.strip(), "", *lines[rest:]]).strip())


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
        rows.append((names, start, "", "", ""))
    rows += [(f"`{name}`", f"mask of every step, {_mask_default(cell, name)}", "", "", "") for name in cell.masks]
    traced = ", ".join(f"`{name}`" for name in cell.recorded)
    head = ("name", "kind", "input weights", "recurrent weights", "biases")
    return f"{_table(head, [tuple(map(_plain_cell, row)) for row in rows])}\n\nA trace records {traced}."


def _biases(cell: Cell, gate: str) -> list[str]:
    ours = [f"b_{gate}"] if cell.bias and gate in cell.input_gates else []
    return ours + ([f"b'_{gate}"] if gate in cell.own_bias_gates else [])


def _start(cell: Cell, name: str) -> str:
    kind = "one number for all hidden units" if name in cell.scalars else "one weight per hidden unit"
    first = cell.initial.get(name)
    if first is None:
        return f"{kind}, initially random, like the matrices"
    return f"{kind}, initially {f'from {first[0]:g} to {first[1]:g}' if isinstance(first, tuple) else f'{first:g}'}"


def _mask_default(cell: Cell, name: str) -> str:
    default = cell.mask_defaults.get(name)
    if default is None:
        return "passed by the caller"
    if isinstance(default, Noise):
        return "drawn by the layer in training"
    return "one number per hidden unit" if default.units else f"{default.default:g} unless the caller passes it"


def _costs(cell: Cell) -> str:
    price = cost(cell, SIZE, SIZE)
    rows = [(COSTS[name], _formula(terms), f"{getattr(price, name):,}") for name, terms in cost_terms(cell).items()]
    note = (
        "I inputs, H hidden units, one sequence, numbers of 4 bytes. An addition, a multiplication and every other "
        "elementwise operation count as one FLOP each."
    )
    return f"{_table(('per step', 'formula', f'I = H = {SIZE}'), rows, right=(2,))}\n\n{note}"


def _formula(terms: dict[str, int]) -> str:
    written = {"HI": "H I", "HH": "H²", "H": "H"}
    return " + ".join(f"{'' if n == 1 else f'{n} '}{written[sizes]}" for sizes, n in terms.items() if n) or "0"


def _backends(cell: Cell) -> str:
    rows = [(f"`{name}`", "; ".join(why) or "supported") for name, why in unsupported(cell).items()]
    return (
        "In order of preference, for float32 tensors on the CPU; the first that supports a call runs it.\n\n"
        + _table(("backend", "this cell"), [tuple(map(_plain_cell, row)) for row in rows])
    )


def _use(cell: Cell) -> str:
    if given := [name for name in cell.masks if name not in cell.mask_defaults]:
        return f"Its masks ({', '.join(given)}) must be passed for every step: run it with `tidegate.engine.run`."
    code = f'layer = tidegate.nn.Recurrent("{cell.name}", input_size={SIZE}, hidden_size={SIZE})'
    if drop_in := _drop_ins().get(cell.name):
        code += f"\nlayer = tidegate.nn.{drop_in}  # the same, with the parameters and states of torch.nn"
    reference = f"[`tidegate.cells.{cell.name}`](../reference/cells/{cell.name}.md)"
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


def _plain_cell(text: str) -> str:
    return text if text.startswith("`") else escaped(text, "|")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
