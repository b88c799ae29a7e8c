"""The models of all tasks as ONNX files, which are compared with Python sequence by sequence as they are written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.onnx_files.sessions import onnx, run

from tidegate import export
from tidegate.data.columns import Preprocessing
from tidegate.tasks.elapsed_times import ElapsedTimes
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import DISTRIBUTIONS
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.probe.task import Probe, ProbeConfig
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.model import Tagger

WORDS = Preprocessing(
    {"input": "words", "words": ["<pad>", "<unk>", "a", "b"], "labels": ["x", "y", "O"], "scheme": "none"}
)


def written(model: torch.nn.Module, folder: Path, **options: Any) -> tuple[Any, dict[str, Any]]:
    with torch.no_grad():
        for p in model.parameters():
            p.uniform_(-0.8, 0.8)
    made = export.onnx(model.eval(), folder / "model.onnx", **options)
    return onnx.load(made), {**made.inputs, **made.outputs}


def test_a_tagger_gives_log_probabilities_of_sentences_of_different_lengths(tmp_path: Path) -> None:
    model = Tagger(TagConfig(hidden_size=5, embedding_size=4, character_hidden_size=0), WORDS)
    proto, axes = written(model, tmp_path, lengths=True)
    assert axes["log_probabilities"] == ("batch", "time", 3)
    tokens, lengths = torch.tensor([[2, 3, 1], [3, 0, 0]]), torch.tensor([3, 1])
    with torch.no_grad():
        expected = model({"inputs": (tokens, lengths)}).log_softmax(-1)  # type: ignore[arg-type]
    found = run(proto, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})["log_probabilities"]
    np.testing.assert_allclose(found[0], expected[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(found[1, :1], expected[1, :1].numpy(), atol=1e-5)
    assert (found[1, 1:] == 0).all()


def test_a_forecaster(tmp_path: Path) -> None:
    model = Forecaster(ForecastConfig(hidden_size=4), 2, DISTRIBUTIONS["negative_binomial"](), targets=2, past=3)
    _, axes = written(model, tmp_path, lengths=True, states=True)
    assert axes["x"] == ("batch", "time", 7)


@pytest.mark.parametrize("how", [None, "log"])
def test_a_regressor_is_time_first_and_its_elapsed_times_are_read_off_the_frames(how: Any, tmp_path: Path) -> None:
    elapsed = how and ElapsedTimes(2, 1.5, 0.4, how)
    model = Regressor(RegressConfig(hidden_size=4, cell="time_lstm" if how else "gru"), 3, 2, elapsed=elapsed)
    _, axes = written(model, tmp_path, lengths=True)
    assert axes == {"x": ("time", "batch", 3), "lengths": ("batch",), "y": ("time", "batch", 2)}
    assert "h_l0" in written(model, tmp_path, step=True)[1]


def test_a_probe(tmp_path: Path) -> None:
    assert written(Probe(ProbeConfig(hidden_size=4), 2, 3), tmp_path)[1]["y"] == ("batch", "time", 3)
