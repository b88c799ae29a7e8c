"""Traces: every gate and state, in memory and on disk, against torch and against the layer's own trace."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.lens import open_trace, trace
from tidegate.lens.record.trace import CHUNK
from tidegate.nn import GRU, LSTM, Recurrent


def layer(**options) -> LSTM:
    torch.manual_seed(0)
    return LSTM(3, 5, **options)


def inputs(steps: int) -> torch.Tensor:
    return torch.randn(steps, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("steps", [1, 7, 63, CHUNK + 3])
@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 2}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True}]
)
def test_states_are_torchs(steps, options):
    own = layer(**options)
    peer = nn.LSTM(3, 5, **options)
    peer.load_state_dict(own.state_dict())
    made = trace(own, inputs(steps))
    first = bool(options.get("batch_first"))
    output, (_, c) = peer(inputs(steps).unsqueeze(0 if first else 1))
    output = output[0] if first else output[:, 0]
    last = made.layers - 1
    for direction in range(made.directions):
        expected = output[:, 5 * direction : 5 * (direction + 1)].detach().numpy()
        np.testing.assert_allclose(made[last, direction]["h"], expected, atol=1e-6)
        end = made[last, direction]["c"][0 if direction else -1]
        np.testing.assert_allclose(
            end, c[2 * last + direction if made.directions == 2 else last, 0].detach(), atol=1e-6
        )


def test_gates_and_initial_states_are_the_layers_own():
    own, state = layer(num_layers=2), (torch.ones(2, 1, 5), -torch.ones(2, 1, 5))
    made, known = trace(own, inputs(9), state), own.trace(inputs(9)[:, None], state)
    assert made.names == own.cell.recorded
    for at, kept in known.values.items():
        for name, value in kept.items():
            np.testing.assert_array_equal(made[at][name], value[:, 0].detach())


def test_on_disk_it_is_the_same_and_can_be_opened_again(tmp_path: Path):
    own, x = layer(num_layers=2), inputs(CHUNK + 5)
    made, kept = trace(own, x), trace(own, x, folder=tmp_path / "t", labels=["x"] * len(x), dtype=np.float16)
    again = open_trace(tmp_path / "t")
    assert isinstance(kept[1, 0]["c"], np.memmap)
    assert not kept[1, 0]["c"].flags.writeable
    assert (again.names, again.labels, len(again)) == (made.names, ("x",) * len(x), len(x))
    for at, values in made.values.items():
        for name, value in values.items():
            np.testing.assert_array_equal(again[at][name], value.astype(np.float16))


def test_parts_are_taken_by_name():
    made = trace(layer(num_layers=2), inputs(7), labels=list("abcdefg"))
    one = made.sel(layer=1, direction=0, name="c", unit=3)
    assert (one.dims, list(one.coords["time"])) == (("time",), list("abcdefg"))
    np.testing.assert_array_equal(one.values, made[1, 0]["c"][:, 3])
    some = made.sel(name=["f", "h"], time=slice(2, 4))
    assert (some.dims, some.shape) == (("layer", "direction", "name", "time", "unit"), (2, 1, 2, 2, 5))
    np.testing.assert_array_equal(some.isel(layer=1, direction=0, name=1).values, made[1, 0]["h"][2:4])
    assert made.sel(layer=[1], name="c").dims == ("layer", "direction", "time", "unit")
    assert made.to_pandas("c", layer=1).loc["g", 4] == made[1, 0]["c"][6, 4]
    assert made.to_numpy("c", layer=1).shape == (7, 5)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"layer": 2}, "layer 2: there are 2"),
        ({"direction": 1}, "direction 1: there are 1"),
        ({"name": "z"}, "no 'z' in the trace: it has i, f, g, o, h, c"),
        ({"layer": 0, "unit": 5}, "unit 5: there are 5"),
    ],
)
def test_selecting_what_was_not_recorded_raises(chosen, said):
    with pytest.raises(ArgumentError, match=said):
        trace(layer(num_layers=2), inputs(3)).sel(**chosen)


def test_only_named_values_are_recorded_and_the_layer_is_not_changed():
    torch.manual_seed(0)
    own = GRU(3, 5, 2, dropout=0.5).train()
    made = trace(own, inputs(4), names=["z"])
    assert made.names == ("z",)
    assert own.training
    np.testing.assert_array_equal(made[1, 0]["z"], trace(own.eval(), inputs(4))[1, 0]["z"])


def test_invalid_input_raises():
    with pytest.raises(ArgumentError, match="one sequence"):
        trace(layer(), inputs(3)[None])
    with pytest.raises(ArgumentError, match="at least one step"):
        trace(layer(), inputs(0))
    with pytest.raises(ArgumentError, match="has no 'x'"):
        trace(layer(), inputs(3), names=["x"])


def spoil_index(change):
    def spoil(folder: Path) -> None:
        record = json.loads((folder / "trace.json").read_text())
        record.update(change)
        (folder / "trace.json").write_text(json.dumps(record))

    return spoil


def cut_file(folder: Path) -> None:
    path = folder / "layer0_forward_c.npy"
    path.write_bytes(path.read_bytes()[:-3])


def other_length(folder: Path) -> None:
    np.save(folder / "layer0_forward_c.npy", np.zeros((2, 5), np.float32))


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_index({"names": ["../../etc/passwd"]}),
        spoil_index({"names": []}),
        spoil_index({"places": [[0, 0, 0]]}),
        spoil_index({"places": [[-1, 0]]}),
        spoil_index({"labels": [1]}),
        spoil_index({"format": "other"}),
        cut_file,
        other_length,
        lambda folder: (folder / "layer0_forward_c.npy").unlink(),
        lambda folder: (folder / "trace.json").unlink(),
    ],
)
def test_altered_files_raise(tmp_path: Path, spoil):
    trace(layer(), inputs(3), folder=tmp_path)
    spoil(tmp_path)
    with pytest.raises(RunFolderError):
        open_trace(tmp_path)


def test_names_of_different_width_are_taken_one_at_a_time():
    made = trace(layer(proj_size=2), inputs(7))
    for names in (["h", "c"], None):
        with pytest.raises(ArgumentError, match=r"Sizes differ: .*h has 2.*c has 5|Sizes differ: .*c has 5.*h has 2"):
            made.sel(name=names)
    assert made.sel(name=["h", "c"], unit=1).shape == (1, 1, 2, 7)  # one that both have
    assert made.sel(name=["f", "c"]).shape == (1, 1, 2, 7, 5)
    np.testing.assert_array_equal(made.sel(name=["h", "c"], unit=[0, 1]).values[0, 0, 0], made[0, 0]["h"])


def test_a_trace_without_names_raises():
    with pytest.raises(ArgumentError, match="names is empty: give some of i, f, g, o, h, c"):
        trace(layer(), inputs(7), names=())


@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_are_those_of_each_step(batch_first):
    torch.manual_seed(0)
    own = Recurrent("time_lstm", 3, 5, batch_first=batch_first)
    steps = CHUNK + 3
    dt = torch.rand(steps) * 9
    made = trace(own, inputs(steps), masks={"dt": dt}, names=["h"])
    batch = 0 if batch_first else 1
    output, _ = own(inputs(steps).unsqueeze(batch), masks={"dt": dt.unsqueeze(batch)})
    np.testing.assert_allclose(made[0, 0]["h"], output.squeeze(batch).detach().numpy(), atol=1e-5)
    assert not np.allclose(trace(own, inputs(steps), names=["h"])[0, 0]["h"], made[0, 0]["h"], atol=1e-3)
