"""The reference backend with one fault each: the parity suite must reject each, with the right message."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from tests.faults import (
    HONEST,
    altered,
    another_cell,
    blank_tail,
    every_step,
    forget_the_state,
    full_length,
    leak_into_padding,
    past_the_length,
    rnn_tanh_hundred_thousandth,
    rnn_tanh_thousandth,
    shorter_by_one,
    state_from_the_padded_end,
    swap_first_two,
    transposed_by_gate,
    with_weights,
    write_over_weights,
)
from tests.witnesses.cases import Case

from tidegate.cells import CELLS
from tidegate.engine import Backend, Call, Result

PLAIN = Case(T=7, B=5, H=4)
RAGGED = Case(
    T=7, B=5, H=4, lengths=(7, 0, 3, 5, 1), resets=frozenset({(2, 0), (5, 0), (0, 2), (2, 2), (4, 3), (6, 3), (3, 4)})
)
REVERSED = replace(RAGGED, reverse=True)
SMALL = replace(PLAIN, dtype="float32")


def _honest_call(call: Call) -> Call:
    return call


def _honest_result(call: Call, result: Result) -> Result:
    return result


@dataclass(frozen=True)
class Sabotage(Backend):
    """The reference with one fault, before or after it runs; the case that shows it, and the phrases of the message.

    ``names``: each must be in the message. ``spares``: none may be, so that the message points at the fault.
    """

    name: str
    names: tuple[str, ...]
    spares: tuple[str, ...] = ()
    before: Callable[[Call], Call] = _honest_call
    after: Callable[[Call, Result], Result] = _honest_result
    cell: str = "lstm"
    case: Case = PLAIN

    def unsupported(self, call: Call) -> list[str]:
        return []

    def run(self, call: Call) -> Result:
        return self.after(call, HONEST.run(self.before(call)))


GRADIENTS_ONLY = ("within the length", "past the length", "final h:", "final c:")

SABOTAGES = [
    Sabotage(
        "swapped gates",
        before=with_weights(w_ih=swap_first_two, w_hh=swap_first_two, b_ih=swap_first_two, b_hh=swap_first_two),
        names=("recorded i within", "recorded f within", "output within", "gradient of w_ih through the output"),
        spares=("past the length",),
    ),
    Sabotage(
        "swapped gates of a GRU",
        before=with_weights(w_hh=swap_first_two),
        cell="gru",
        names=("recorded r within", "recorded z within", "output within"),
    ),
    Sabotage(
        "dropped final-state gradient",
        after=lambda call, result: replace(result, state=tuple(value.detach() for value in result.state)),
        names=("gradient of x through the final state", "gradient of w_hh through all results"),
        spares=(*GRADIENTS_ONLY, "through the output"),
    ),
    Sabotage(
        "final-state gradient overwritten by the output's",
        after=forget_the_state,
        names=("gradient of x through all results",),
        spares=(*GRADIENTS_ONLY, "through the output", "through the final state"),
    ),
    Sabotage(
        "off-by-one length",
        before=shorter_by_one,
        case=RAGGED,
        names=("output within the length", "final h", "final c"),
        spares=("past the length",),
    ),
    Sabotage(
        "uninitialised tail",
        after=lambda call, result: replace(result, output=result.output.masked_fill(past_the_length(call), 1e-30)),
        case=RAGGED,
        names=("output past the length",),
        spares=("within the length", "final", "gradient of w_ih"),
    ),
    Sabotage(
        "uninitialised tail of a record",
        after=lambda call, result: replace(
            result, record=result.record | {"o": result.record["o"].masked_fill(past_the_length(call), float("nan"))}
        ),
        case=RAGGED,
        names=("recorded o past the length",),
        spares=("within the length", "output past", "final"),
    ),
    Sabotage(
        "stale state after reset",
        before=lambda call: replace(call, reset=None),
        case=RAGGED,
        names=("output within the length", "gradient of initial h through"),
    ),
    Sabotage(
        "reset one step late",
        before=lambda call: replace(call, reset=None if call.reset is None else call.reset.roll(1, 0)),
        case=RAGGED,
        names=("output within the length",),
    ),
    Sabotage(
        "reset of a reversed run on the wrong side of its step",
        before=lambda call: replace(call, reset=None if call.reset is None else call.reset.roll(-1, 0)),
        case=REVERSED,
        names=("output within the length",),
    ),
    Sabotage(
        "final state from the padded end",
        after=state_from_the_padded_end,
        case=RAGGED,
        names=("final h:", "final c:", "through the final state"),
        spares=("output within", "recorded", "through the output"),
    ),
    Sabotage(
        "reversed run starting at T-1",
        before=full_length,
        after=blank_tail,
        case=REVERSED,
        names=("output within the length", "recorded c within the length", "final h"),
        spares=("past the length",),
    ),
    Sabotage(
        "reversed run read forwards",
        before=lambda call: replace(call, reverse=False),
        case=replace(PLAIN, reverse=True),
        names=("output within the length", "final h"),
    ),
    Sabotage(
        "detached initial state",
        before=lambda call: replace(call, state=tuple(value.detach() for value in call.state)),
        names=("gradient of initial h through the output", "gradient of initial c through the final state"),
        spares=(*GRADIENTS_ONLY, "gradient of x ", "gradient of w_", "gradient of b_"),
    ),
    Sabotage(
        "initial state ignored",
        before=lambda call: replace(call, state=tuple(torch.zeros_like(value) for value in call.state)),
        names=("output within the length", "final h", "gradient of initial c"),
    ),
    Sabotage(
        "detached previous step",
        after=lambda call, result: replace(
            result, output=torch.cat([result.output[:1], result.output[1:2].detach(), result.output[2:]])
        ),
        names=("gradient of x through the output",),
        spares=(*GRADIENTS_ONLY, "through the final state", "through the recorded"),
    ),
    Sabotage(
        "transposed weight gradient",
        before=with_weights(w_hh=lambda w: altered(w, transposed_by_gate)),
        names=("gradient of w_hh through the output",),
        spares=(*GRADIENTS_ONLY, "gradient of w_ih", "gradient of b_hh", "gradient of initial"),
    ),
    Sabotage(
        "zero bias gradient",
        before=with_weights(b_hh=lambda b: b.detach()),
        names=("gradient of b_hh through the output",),
        spares=(*GRADIENTS_ONLY, "gradient of b_ih", "gradient of w_"),
    ),
    Sabotage(
        "one bias gradient for both of a GRU's n",
        before=lambda call: replace(
            call, weights=replace(call.weights, b_hh=altered(call.weights.b_hh, lambda gradient: 0.99 * gradient))
        ),
        cell="gru",
        names=("gradient of b_hh through the output",),
        spares=(*GRADIENTS_ONLY, "gradient of b_ih"),
    ),
    Sabotage(
        "gradient of one peephole dropped",
        before=lambda call: replace(
            call, weights=replace(call.weights, p={**call.weights.p, "p_o": call.weights.p["p_o"].detach()})
        ),
        cell="peephole_lstm",
        names=("gradient of p_o through the output",),
        spares=(*GRADIENTS_ONLY, "gradient of p_i", "gradient of p_f", "gradient of w_"),
    ),
    Sabotage(
        "gradient leaks into padding",
        before=leak_into_padding,
        case=RAGGED,
        names=("gradient of x's padding through the output",),
        spares=(*GRADIENTS_ONLY, "gradient of x through", "gradient of w_"),
    ),
    Sabotage(
        "recorded gates of the wrong step",
        after=lambda call, result: replace(
            result, record={name: value.roll(1, 0) for name, value in result.record.items()}
        ),
        names=("recorded i within the length", "recorded h within the length"),
        spares=("output", "final"),
    ),
    Sabotage(
        "recording begun at the stride's end",
        after=lambda call, result: replace(
            result, record={name: value[2::3] for name, value in HONEST.run(every_step(call)).record.items()}
        ),
        case=replace(PLAIN, T=9, every=3),
        names=("recorded f within the length",),
        spares=("output", "final"),
    ),
    Sabotage(
        "a record left out",
        after=lambda call, result: replace(result, record={"i": result.record["i"]}),
        names=("results [", "'recorded f'"),
    ),
    Sabotage(
        "second bias counted twice",
        before=with_weights(b_hh=lambda b: 2 * b),
        names=("output within the length", "gradient of b_hh"),
    ),
    Sabotage(
        "second bias inside and outside the reset gate",
        before=lambda call: replace(call, cell=CELLS["gru_original"]),
        cell="gru",
        names=("recorded n within the length", "output within the length"),
    ),
    Sabotage(
        "z read the other way",
        before=another_cell(CELLS["gru_z_new"]),
        cell="gru",
        names=("output within the length",),
    ),
    Sabotage(
        "tanh wrong by a thousandth",
        before=another_cell(rnn_tanh_thousandth),
        cell="rnn_tanh",
        names=("output within the length", "gradient of x through the output"),
        case=SMALL,
    ),
    Sabotage(
        "tanh wrong by a hundred-thousandth",
        before=another_cell(rnn_tanh_hundred_thousandth),
        cell="rnn_tanh",
        names=("output within the length",),
        case=SMALL,
    ),
    Sabotage(
        "computed in half precision",
        after=lambda call, result: replace(result, output=result.output.bfloat16().to(result.output.dtype)),
        names=("output within the length",),
        case=SMALL,
    ),
    Sabotage(
        "fp64 through fp32",
        after=lambda call, result: replace(result, output=result.output.float().double()),
        names=("output within the length",),
        spares=("final", "recorded c"),
    ),
    Sabotage(
        "another dtype",
        after=lambda call, result: replace(result, output=result.output.float()),
        names=("output: torch.float32, expected float64",),
    ),
    Sabotage(
        "a state of the wrong shape",
        after=lambda call, result: replace(result, state=(result.state[0][:1], *result.state[1:])),
        names=("final h: shape (1, 4), expected (5, 4)",),
    ),
    Sabotage(
        "writes over its weights",
        after=write_over_weights,
        names=("w_hh was written to",),
        case=replace(PLAIN, T=1, start=False),
    ),
]
