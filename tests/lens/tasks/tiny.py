"""Small untrained runs with weights large enough that answers differ, for looks inside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tidegate.data.sources import Sources
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.train import Run, TrainConfig
from tidegate.train.run_folder import RunConfig


def tiny_run(
    kind: type[ExampleTask], files: Sequence[Path], config: Any, *, shares: Sequence[float] = (1.0, 0.0, 0.0)
) -> tuple[ExampleTask, Run]:
    """A task and a run of it, its weights drawn and enlarged; its folder holds the examples only."""
    folder = files[0].parent / "run"
    examples = prepare_examples(kind, Sources(tuple(files)), config, folder, shares=tuple(shares))  # type: ignore[arg-type]
    task = kind(config, examples.preprocessing)
    torch.manual_seed(3)
    model = task.new_model().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6 if parameter.dim() > 1 else 1)
    made = RunConfig(kind.name, config, TrainConfig(), task.prediction_name, {}, "", "", [])
    return task, Run(folder, made, model, examples.preprocessing, 0, None)


def as_torch(layer: Any, number: int) -> torch.nn.LSTM:
    """One layer of an LSTM of ours, all its directions, as torch's own."""
    wide = layer.layer_input_size(number)
    own = torch.nn.LSTM(wide, layer.hidden_size, batch_first=True, bidirectional=layer.bidirectional)
    with torch.no_grad():
        for end in ("", "_reverse")[: 1 + layer.bidirectional]:
            getattr(own, f"weight_ih_l0{end}").copy_(getattr(layer, f"weight_ih_l{number}{end}"))
            getattr(own, f"weight_hh_l0{end}").copy_(getattr(layer, f"weight_hh_l{number}{end}"))
            getattr(own, f"bias_ih_l0{end}").copy_(getattr(layer, f"bias_l{number}{end}"))
            getattr(own, f"bias_hh_l0{end}").zero_()
    return own
