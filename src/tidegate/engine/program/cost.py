"""The cost of a cell: parameters, operations and memory, counted on its Program."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.cells import Cell, get_cell
from tidegate.engine.program.program import PRODUCTS, Program, program


@dataclass(frozen=True)
class Cost:
    """The cost of one layer in one direction.

    Attributes:
        parameters: all weights and biases.
        input_flops: of the products with x_t of one step, two for each weight and sequence.
        recurrent_flops: of the other products of one step: with the states, and the projection.
        pointwise_flops: of everything else in one step; every operation on a hidden unit counts as one.
        weight_bytes: of all parameters; a step at batch 1 reads each once.
        state_bytes: of the states that one sequence carries from step to step.
        saved_bytes: of the gates and states that training saves of one step of one sequence.
        step_bytes: memory read and written by one step: weights once, input, and states in and out.
    """

    parameters: int
    input_flops: int
    recurrent_flops: int
    pointwise_flops: int
    weight_bytes: int
    state_bytes: int
    saved_bytes: int
    step_bytes: int

    @property
    def product_flops(self) -> int:
        """Of all matrix products of one step."""
        return self.input_flops + self.recurrent_flops

    @property
    def flops(self) -> int:
        """All floating-point operations of one step."""
        return self.product_flops + self.pointwise_flops


def cost(
    cell: Cell | str,
    input_size: int,
    hidden_size: int,
    *,
    batch: int = 1,
    bias: bool = True,
    two_biases: bool = False,
    proj_size: int = 0,
    itemsize: int = 4,
) -> Cost:
    """Count the cost of one step of a cell.

    With I input features, H hidden units, G_x gates with an input part, G_r with a recurrent product and a batch of B:
    2 B H (G_x I + G_r H) FLOPs in products, and B H for every pointwise operation. A cell with heads has G_r H / heads
    in the place of G_r H.

    Args:
        cell: the cell or its name.
        input_size: I.
        hidden_size: H.
        batch: B; operations, states and inputs grow with it, weights do not.
        bias: whether the gates have biases.
        two_biases: torch's convention, a bias for each of a gate's two products; the default is the equations'
            own, with a second bias only where it cannot be folded into the first.
        proj_size: features of the projected output, for a `tidegate.cells.projected` cell.
        itemsize: bytes of a number.
    """
    cell = get_cell(cell)
    bias = bias and cell.bias
    output = proj_size or hidden_size
    g_x, g_r = len(cell.input_gates), len(cell.recurrent_gates)
    by_input = hidden_size * g_x * input_size
    by_state = hidden_size * g_r * output // cell.heads + (output * hidden_size if cell.projected else 0)
    matrices = by_input + by_state
    lone = g_r if two_biases else len(cell.own_bias_gates)
    vectors = hidden_size * (len(cell.parameters) - len(cell.scalars) + (g_x + lone if bias else 0)) + len(cell.scalars)
    bias_adds = (g_x + lone) if bias else 0
    states = hidden_size * (len(cell.states) - 1) + output
    return Cost(
        parameters=matrices + vectors,
        input_flops=2 * batch * by_input,
        recurrent_flops=2 * batch * by_state,
        pointwise_flops=batch * hidden_size * (pointwise_operations(program(cell)) + bias_adds),
        weight_bytes=itemsize * (matrices + vectors),
        state_bytes=itemsize * states,
        saved_bytes=itemsize * (hidden_size * len(cell.step.gates) + states),
        step_bytes=itemsize * (matrices + vectors + batch * (input_size + 2 * states)),
    )


def pointwise_operations(step: Program) -> int:
    """Count the operations of a step on each hidden unit, without products; a reduction over all of them is one."""
    return sum(bool(v.args) and v.op not in PRODUCTS for v in step.values)
