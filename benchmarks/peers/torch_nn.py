"""``torch.nn.LSTM``, ``GRU`` and ``RNN`` (oneDNN where PyTorch uses it); a streaming step is a call with T = 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from benchmarks.contender import Contender, solver
from benchmarks.problem import Problem, Setting

name = "torch.nn"
packages = ("torch",)
LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}


def supports(setting: Setting) -> bool:
    """The layers of the three cells that torch has, in every kind."""
    return setting.cell in LAYERS and setting.case.kind != "cell"


def prepare(problem: Problem) -> Contender:
    """A layer of torch with our weights."""
    case = problem.setting.case
    layer = LAYERS[problem.setting.cell](
        case.size, case.size, num_layers=case.layers, bidirectional=case.kind == "bidirectional"
    )
    layer.to(problem.x.dtype).train(problem.layer.training).load_state_dict(problem.layer.state_dict())
    parameters = dict(layer.named_parameters())
    if case.kind == "streaming":
        return _stream(layer, problem.x)
    if problem.lengths is None:
        return solver(problem, lambda x: layer(x)[0], parameters)
    # Packing and unpacking are not timed: whoever packs once and trains often is compared with.
    form = pack_padded_sequence(problem.x, problem.lengths, enforce_sorted=False)

    def padded(data: Tensor) -> Tensor:
        return pad_packed_sequence(form._replace(data=data), total_length=case.steps)[0]

    def forward(data: Tensor) -> Tensor:
        return layer(PackedSequence(data, *form[1:]))[0].data

    cotangent = pack_padded_sequence(problem.cotangent, problem.lengths, enforce_sorted=False).data
    return solver(problem, forward, parameters, x=form.data, cotangent=cotangent, padded=padded)


def _stream(layer: nn.Module, x: Tensor) -> Contender:
    state: Any = None

    def step() -> Tensor:
        nonlocal state
        with torch.inference_mode():
            output, state = layer(x, state)
        return output

    return Contender(step, lambda output: {"output": output[0]})
