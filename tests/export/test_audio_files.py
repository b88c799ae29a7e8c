"""Files of audio plug-ins give the outputs of Python from the first sample on, and what they cannot hold is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.export.plugin_readers import play_aida_x, play_nam, play_rtneural
from torch import nn

import tidegate
from tidegate import export
from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, BackendError, DataError
from tidegate.export.audio import nam_file, rtneural_file
from tidegate.export.audio.checked_writing import write_checked
from tidegate.export.audio.nam_file import read_nam
from tidegate.export.audio.rtneural_file import read_rtneural
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor
from tidegate.train.run_folder import Run

X = np.random.default_rng(3).uniform(-1, 1, 200)
RATE = 44_100
SILENCE = 1000


@pytest.fixture(autouse=True)
def _short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nam_file, "SILENCE", SILENCE)


def spread(model: nn.Module) -> Any:
    """Draw weights as large as those of a trained model."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.uniform_(-0.8, 0.8)
    return model


def python(layers: list[Any], x: NDArray[Any], silence: int = 0) -> NDArray[Any]:
    """The outputs (T, O) of the layers for (T, I), after so many samples of silence."""
    values = torch.from_numpy(np.concatenate([np.zeros((silence, x.shape[1])), x])).float()[:, None]
    with torch.no_grad():
        for layer in layers:
            made = layer(values)
            values = made[0] if isinstance(made, tuple) else made
    return values[silence:, 0].double().numpy()


def close(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.shape == expected.shape and np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


LSTMS = {
    "torch": lambda: nn.LSTM(1, 7),
    "two layers": lambda: nn.LSTM(1, 5, num_layers=2, dropout=0.5),
    "without bias": lambda: tidegate.nn.LSTM(1, 9, bias=False, backend="vendor"),
    "sizes": lambda: tidegate.nn.Recurrent("lstm", 1, (6, 4, 11), backend="vendor"),
    "learned state": lambda: tidegate.nn.Recurrent("lstm", 1, 6, learn_initial_state=True, backend="vendor"),
}


@pytest.mark.parametrize("name", LSTMS)
def test_nam(name: str, tmp_path: Path) -> None:
    layers = [spread(LSTMS[name]()), spread(nn.Linear(LSTMS[name]().hidden_size, 1, bias=name != "without bias"))]
    made = export.nam(layers, tmp_path / "amp.nam", sample_rate=RATE, metadata={"name": "Ä"})
    record = json.loads((tmp_path / "amp.nam").read_text())
    assert (record["version"], record["sample_rate"], record["metadata"]) == ("0.5.4", RATE, {"name": "Ä"})
    layers[0].eval()
    expected = python(layers, X[:, None], silence=SILENCE)
    assert close(play_nam(record, X), expected[:, 0])
    assert close(read_nam(tmp_path / "amp.nam")(X[:, None]), expected)
    assert made.difference < 1e-6


@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("own", [{}, {"backend": "vendor"}], ids=["torch", "tidegate"])
def test_rtneural(own: dict[str, Any], kind: str, inputs: int, tmp_path: Path) -> None:
    layer = getattr(tidegate.nn if own else nn, kind)(inputs, 5, num_layers=2, **own)
    layers = [spread(layer), spread(nn.Linear(5, 2))]
    x = np.random.default_rng(1).standard_normal((100, inputs))
    export.rtneural(layers, tmp_path / "amp.json", aida_x=False)
    record = json.loads((tmp_path / "amp.json").read_text())
    assert close(play_rtneural(record, x), python(layers, x))
    assert close(read_rtneural(tmp_path / "amp.json")(x), python(layers, x))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_aida_x_gets_a_size_that_it_has_and_a_test_of_itself(cell: str, tmp_path: Path) -> None:
    layers = [spread(tidegate.nn.Recurrent(cell, 1, 13, backend="vendor")), spread(nn.Linear(13, 1))]
    made = export.rtneural(layers, tmp_path / "amp.json", sample_rate=RATE, metadata={"author": "me"})
    assert "16 units (the model's 13, 3 that stay 0); 44,100 samples per second" in str(made)
    record = json.loads((tmp_path / "amp.json").read_text())
    assert record["layers"][0]["shape"][-1] == 16
    assert record["samplerate"] == record["metadata"]["samplerate"] == RATE
    assert close(play_aida_x(record, X), python(layers, X[:, None])[:, 0])
    assert np.abs(play_aida_x(record, np.array(record["input_batch"])) - record["output_batch"]).max() < 1e-6


def swap_gates(record: dict[str, Any]) -> None:
    kernel = np.array(record["layers"][0]["weights"][0])
    record["layers"][0]["weights"][0] = np.roll(kernel, 4, 1).tolist()


def swap_biases(record: dict[str, Any]) -> None:
    record["layers"][0]["weights"][2].reverse()


def forget_states(record: dict[str, Any]) -> None:
    weights, units = record["weights"], record["config"]["hidden_size"]
    weights[-3 * units - 1 : -units - 1] = [0.0] * (2 * units)


def transpose_rows(record: dict[str, Any]) -> None:
    rows = np.array(record["weights"][: 16 * 5]).reshape(16, 5)
    record["weights"][: 16 * 5] = rows.T.ravel().tolist()


SABOTAGES: dict[str, Any] = {
    "gates": (rtneural_file, nn.GRU, swap_gates),
    "biases": (rtneural_file, nn.GRU, swap_biases),
    "states": (nam_file, nn.LSTM, forget_states),
    "rows": (nam_file, nn.LSTM, transpose_rows),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_wrong_file_is_found_by_the_check_and_not_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, layer, alter = SABOTAGES[name]
    model = spread(nn.Sequential(layer(1, 4), nn.Linear(4, 1)))

    def wrong(path: Path, record: dict[str, Any], *rest: Any, **how: Any) -> Any:
        alter(record)
        return write_checked(path, record, *rest, **how)

    monkeypatch.setattr(module, "write_checked", wrong)
    write = export.nam if module is nam_file else export.rtneural
    with pytest.raises(BackendError, match=r"differs from Python's outputs by .* nothing was written"):
        write(model, tmp_path / "amp", sample_rate=RATE)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("direct", "units"), [("linear", 6), ("none", 5), ("input", 5)])
def test_runs_have_their_normalisation_in_the_weights(direct: Any, units: int, tmp_path: Path) -> None:
    model = spread(
        Regressor(RegressConfig(hidden_size=5, direct=direct), 1, 1, scale=[0.3 / 0.7], backend="vendor")
    ).eval()
    fitted = {"input_mean": [0.1], "input_deviation": [0.3], "target_mean": [-0.2], "target_deviation": [0.7]}
    preprocessing = Preprocessing(fitted | {"rate": RATE, "inputs": ["dry"], "targets": ["wet"]})
    run = Run(tmp_path, cast(Any, SimpleNamespace(task="regress")), model, preprocessing, 0, None)
    made = export.nam(run, tmp_path / "amp.nam")
    assert (made.sample_rate, made.network.sizes) == (RATE, [6 if direct == "input" else units])
    x = np.concatenate([np.zeros(SILENCE), X])[:, None]
    expected = python([lambda x: 0.7 * model((x - 0.1) / 0.3)[0] - 0.2], x)[:, 0]
    assert close(play_nam(json.loads((tmp_path / "amp.nam").read_text()), X), expected[SILENCE:])
    export.rtneural(run, tmp_path / "amp.json")
    record = json.loads((tmp_path / "amp.json").read_text())
    assert record["in_skip"] == (direct == "input")
    assert close(play_aida_x(record, X), python([lambda x: 0.7 * model((x - 0.1) / 0.3)[0] - 0.2], X[:, None])[:, 0])
    with pytest.raises(ArgumentError, match=r"given is 48,000, but the recordings .* 44,100"):
        export.nam(run, tmp_path / "other.nam", sample_rate=48_000)


class Amplifier(nn.Module):
    """A module of a user's own, whose layers are batch first."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.recurrent, self.output, self.first = nn.LSTM(1, 5, batch_first=True), nn.Linear(5, 1), first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.output(self.recurrent(x)[0])
        return x + y if self.first else y + x


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
def test_modules_of_your_own_may_add_their_input(first: bool, tmp_path: Path) -> None:
    model = spread(Amplifier(first=first)).eval()
    traced = export.program(model, torch.randn(1, 8, 1))
    export.rtneural(traced, tmp_path / "amp.json", sample_rate=RATE)
    record = json.loads((tmp_path / "amp.json").read_text())
    assert (record["in_skip"], record["layers"][0]["shape"][-1]) == (1, 8)
    expected = python([lambda x: model(x.transpose(0, 1)).transpose(0, 1)], X[:, None])
    assert close(play_aida_x(record, X), expected[:, 0])
    if first:
        made = export.rtneural(traced, tmp_path / "plain.json", aida_x=False)
        assert made.network.sizes == [6]
        assert close(play_rtneural(json.loads((tmp_path / "plain.json").read_text()), X[:, None]), expected)


HEAD = nn.Linear(4, 1)
REFUSED: dict[str, Any] = {
    "bidirectional": ([nn.LSTM(1, 2, bidirectional=True), HEAD], "bidirectional layer at '0' .* backwards"),
    "projected": ([tidegate.nn.LSTM(1, 5, proj_size=4), HEAD], "projected"),
    "peephole": (
        [tidegate.nn.Recurrent("peephole_lstm", 1, 4), HEAD],
        "lstm and gru only, and this is peephole_lstm: .*tidegate build",
    ),
    "original": ([tidegate.nn.Recurrent("gru_original", 1, 4), HEAD], "lstm and gru only"),
    "heads": ([tidegate.nn.Recurrent("lstm", 1, 4, heads=2), HEAD], "lstm and gru only"),
    "RNN": ([nn.RNN(1, 4), HEAD], "this is rnn_tanh"),
    "no head": (nn.Sequential(nn.LSTM(1, 4)), "lstm layer at '0' .* then one Linear"),
    "head alone": (HEAD, "The Linear .* LSTM or GRU layers and then one Linear"),
    "nothing": (nn.Sequential(), "nothing in it"),
    "activation": ([nn.LSTM(1, 4), HEAD, nn.Tanh()], "operation tanh .* then one Linear"),
    "mixed": ([nn.LSTM(1, 4), nn.GRU(4, 4), HEAD], "LSTM and GRU layers in one model"),
    "sizes": ([nn.LSTM(1, 3), HEAD], "Linear at '1': it takes 4 numbers .* 3"),
    "tokens": (nn.Sequential(nn.Embedding(3, 2), nn.LSTM(2, 4), HEAD), "reads tokens"),
    "own": (type("Amp", (nn.Module,), {})(), "Amp cannot be exported: .*tidegate.export.program"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_plug_in_computes_is_refused(name: str, tmp_path: Path) -> None:
    model, words = REFUSED[name]
    for write in (export.nam, export.rtneural):
        with pytest.raises(ArgumentError, match=words):
            write(model, tmp_path / "amp", sample_rate=RATE)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("write", "model", "options", "words"),
    [
        (export.nam, [nn.GRU(1, 4), HEAD], {"sample_rate": RATE}, "LSTMs only, .* GRU: write a .json"),
        (export.nam, [nn.LSTM(2, 4), HEAD], {"sample_rate": RATE}, "one number in .* this model 2 and 1"),
        (export.nam, [nn.LSTM(1, 4), HEAD], {}, "does not know its sample rate"),
        (export.nam, [nn.LSTM(1, 4), HEAD], {"sample_rate": 44.1}, "sample_rate is 44.1"),
        (export.nam, [nn.LSTM(1, 4), HEAD], {"sample_rate": RATE, "metadata": {"x": {1}}}, "metadata should be"),
        (export.rtneural, [nn.LSTM(1, 4), HEAD], {}, "does not know its sample rate"),
        (export.rtneural, [nn.LSTM(1, 4, 2), HEAD], {"sample_rate": RATE}, "one recurrent layer, .* 2. --no-aida-x"),
        (export.rtneural, [nn.LSTM(4, 4), HEAD], {"sample_rate": RATE}, "1 to 3 inputs"),
        (export.rtneural, [nn.LSTM(1, 81), nn.Linear(81, 1)], {"sample_rate": RATE}, "at most 80 hidden units"),
        (export.rtneural, [nn.LSTM(1, 4), HEAD], {"sample_rate": RATE, "metadata": {"samplerate": 1}}, "leave it out"),
        (export.rtneural, [nn.LSTM(1, 4), HEAD], {"aida_x": False, "metadata": {"a": 1}}, "metadata is for AIDA-X"),
    ],
)
def test_what_one_format_cannot_hold_is_refused(
    write: Any, model: Any, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=words):
        write(model, tmp_path / "amp", **options)
    assert not [*tmp_path.iterdir()]


def test_learned_states_have_no_place_in_rtneurals_file(tmp_path: Path) -> None:
    layer = spread(tidegate.nn.Recurrent("gru", 1, 4, learn_initial_state=True))
    with pytest.raises(ArgumentError, match="learned states"):
        export.rtneural([layer, HEAD], tmp_path / "amp.json", sample_rate=RATE)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    layer = nn.LSTM(1, 4)
    layer.load_state_dict({name: it + torch.nan for name, it in layer.state_dict().items()})
    with pytest.raises(ArgumentError, match="nan or infinite"):
        export.nam([layer, HEAD], tmp_path / "amp.nam", sample_rate=RATE)


NAM = {"architecture": "LSTM", "config": {"input_size": 1, "hidden_size": 1, "num_layers": 1}, "weights": [0.0] * 16}
DENSE = {"type": "dense", "shape": [None, 1], "weights": [[[1.0]], [0.0]]}
GRU = {"type": "gru", "shape": [None, 1], "weights": [[[0.0] * 3], [[0.0] * 3], [[0.0] * 3] * 2]}
RTNEURAL = {"in_shape": [None, None, 1], "layers": [GRU, DENSE]}


@pytest.mark.parametrize(
    ("read", "record", "words"),
    [
        (read_nam, NAM | {"architecture": "WaveNet"}, "architecture LSTM, but holds 'WaveNet'"),
        (read_nam, NAM | {"weights": [0.0] * 15}, "should be a list of 16, but there is 15"),
        (read_nam, NAM | {"weights": [0.0] * 15 + ["1"]}, "finite .* has '1'"),
        (read_nam, NAM | {"config": NAM["config"] | {"hidden_size": 10**9}}, "should be a list of"),
        (read_nam, NAM | {"config": NAM["config"] | {"num_layers": 10**9}}, "should be a list of"),
        (read_nam, NAM | {"config": NAM["config"] | {"num_layers": True}}, "num_layers should be a whole number"),
        (read_rtneural, RTNEURAL | {"layers": [DENSE]}, "lstm or gru layers and one dense"),
        (read_rtneural, RTNEURAL | {"layers": [GRU, GRU]}, "lstm or gru layers and one dense"),
        (read_rtneural, RTNEURAL | {"layers": [GRU, DENSE | {"activation": "tanh"}]}, "activation 'tanh'"),
        (read_rtneural, RTNEURAL | {"in_shape": [None, 2]}, "weights of layer 1 should be a list of 2"),
        (read_rtneural, RTNEURAL | {"in_shape": None}, "in_shape should be a whole number"),
        (read_rtneural, RTNEURAL | {"in_gain": 3}, "in_gain is 3"),
        (read_rtneural, RTNEURAL | {"in_skip": 0.5}, "in_skip should be"),
        (read_rtneural, RTNEURAL | {"out_gain": "x"}, "out_gain should be"),
    ],
)
def test_altered_files_are_refused(read: Any, record: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "amp").write_text(json.dumps(record))
    with pytest.raises(DataError, match=words):
        read(tmp_path / "amp")


def test_gains_of_other_programs_files_are_read(tmp_path: Path) -> None:
    layer = spread(nn.GRU(1, 1))
    x = X[:20, None]
    export.rtneural([layer, nn.Linear(1, 1)], tmp_path / "amp", aida_x=False)
    record = json.loads((tmp_path / "amp").read_text()) | {"out_gain": 20, "in_skip": 1}
    (tmp_path / "amp").write_text(json.dumps(record))
    assert np.abs(read_rtneural(tmp_path / "amp")(x) - 10 * play_rtneural(record, x) - x).max() < 1e-12
