"""torch.nn's own layers as a witness for the cells it has: one sequence, and one stretch between resets, at a time."""

import warnings
from collections.abc import Callable, Mapping

import torch
from tests.witnesses.cases import Case
from tests.witnesses.driver import pieces
from torch import Tensor

LAYERS: dict[str, tuple[Callable[..., torch.nn.RNNBase], dict[str, str]]] = {
    "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "gru": (torch.nn.GRU, {}),
}


def torch_results(name: str, case: Case, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """ "output" and "final h" (and c), differentiable with respect to ``given``."""
    kind, options = LAYERS[name]
    x = given["x"]
    projection = {"proj_size": case.projection} if case.projection else {}
    layer = kind(case.I, case.H, bias="b_ih" in given, dtype=x.dtype, **options, **projection)
    weights = {"weight_ih_l0": given["w_ih"], "weight_hh_l0": given["w_hh"]}
    if "b_ih" in given:
        weights["bias_ih_l0"] = given["b_ih"]
        weights["bias_hh_l0"] = given.get("b_hh", torch.zeros_like(given["b_ih"]))
    if "w_hr" in given:
        weights["weight_hr_l0"] = given["w_hr"]
    names = ("h", "c") if name == "lstm" else ("h",)
    widths = (case.projection or case.H, case.H)
    zeros = [x.new_zeros(case.B, width) for width, _ in zip(widths, names, strict=False)]
    initial = [given.get(f"initial {state}", zero) for state, zero in zip(names, zeros, strict=True)]
    flags = case.reset_flags()
    outputs, finals = [], []
    for b in range(case.B):
        resets = [False] * case.T if flags is None else flags[:, b].tolist()
        length = case.T if case.lengths is None else case.lengths[b]
        rows = [x.new_zeros(widths[0])] * case.T
        state = [value[b : b + 1] for value in initial]
        for steps, from_start in pieces(length, resets, case.reverse):
            hx = [(value if from_start else torch.zeros_like(value)).unsqueeze(0) for value in state]
            stretch = x[steps, b : b + 1]
            arguments = (stretch, tuple(hx) if len(hx) > 1 else hx[0])
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
                output, last = torch.func.functional_call(layer, weights, arguments)
            state = [value[0] for value in (last if isinstance(last, tuple) else (last,))]
            for row, t in enumerate(steps):
                rows[t] = output[row, 0]
        outputs.append(torch.stack(rows))
        finals.append(state)
    found = {"output": torch.stack(outputs, 1)}
    for k, state in enumerate(names):
        found[f"final {state}"] = torch.cat([final[k] for final in finals])
    return found
