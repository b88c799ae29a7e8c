"""Layers that are saved, in a folder or on the hub, and made again: the same numbers, and nothing run or unpickled."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.fuzz.mutate import mutated
from tests.hub.local_hub import LocalHub
from torch import nn

import tidegate
from tidegate.cells import Step, cell, sigmoid, tanh, zoneout
from tidegate.errors import ArgumentError, HubError, RunFolderError, TidegateError
from tidegate.nn import GRU, LSTM, RNN, Recurrent


@cell(gates="f n", states="h", parameters="v=0.5")
def mine(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(x.f + r.f + p.v * s.h)
    return Step(h=f * s.h + (1 - f) * tanh(x.n), gates=dict(f=f))


@cell(gates="f n", states="h", parameters="v=0.5")
def other(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(x.f + r.f - p.v * s.h)
    return Step(h=f * s.h + (1 - f) * tanh(x.n), gates=dict(f=f))


LAYERS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: LSTM(5, 7, 2, batch_first=True, bidirectional=True, dropout=0.1),
    "projected lstm": lambda: LSTM(5, 7, proj_size=3, forget_bias=1.0),
    "gru": lambda: GRU(3, 4, bias=False, init="keras", recompute=True),
    "rnn": lambda: RNN(3, 4, 1, "relu", dtype=torch.float64),
    "cell": lambda: Recurrent("peephole_lstm", 5, 6, 2, bidirectional=True),
    "heads": lambda: Recurrent("lstm", 5, 6, heads=3),
    "projected cell": lambda: Recurrent("coupled_lstm", 5, 7, proj_size=3),
    "sizes": lambda: Recurrent("gru", 5, (8, 3), dtype=torch.bfloat16),
    "initial states": lambda: Recurrent("mgu", 5, 3, learn_initial_state=True),
    "vectors and scalars": lambda: Recurrent("gru_d", 4, 3),
}


def output_of(layer: Any) -> Any:
    x = torch.linspace(-1, 1, 4 * 2 * layer.input_size).view(4, 2, -1).to(next(layer.parameters()).dtype)
    masks = {name: torch.ones(4, 2) for name in layer.cell.masks if name not in layer.cell.mask_defaults}
    layer.backend = "reference"  # nothing to compile
    return layer.eval()(x, masks=masks or None)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_is_saved_comes_back(name: str, tmp_path: Path) -> None:
    layer = LAYERS[name]()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.3)
    layer.save_pretrained(tmp_path / "layer")
    assert {it.name for it in (tmp_path / "layer").iterdir()} == {"config.json", "model.safetensors"}
    made = type(layer).from_pretrained(tmp_path / "layer")
    assert not made.training
    assert repr(made) == repr(layer)
    assert made.cell.definition == layer.cell.definition
    (output, state), (expected, expected_state) = output_of(made), output_of(layer)
    assert torch.equal(output, expected)
    states = state if isinstance(state, tuple) else (state,)
    for one, same in zip(
        states, expected_state if isinstance(expected_state, tuple) else (expected_state,), strict=True
    ):
        assert torch.equal(one, same)
    plain = load_file(tmp_path / "layer" / "model.safetensors")
    assert {*plain} == {*layer.state_dict()}, "another program can read them, too"


def test_a_drop_ins_file_is_torchs_state_dict(tmp_path: Path) -> None:
    LSTM(5, 7).save_pretrained(tmp_path)
    theirs = nn.LSTM(5, 7)
    theirs.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x = torch.randn(3, 2, 5)
    ours = LSTM.from_pretrained(tmp_path, backend="reference")
    torch.testing.assert_close(theirs(x)[0], ours(x)[0])


def test_a_cell_of_ones_own_is_given_and_compared(tmp_path: Path) -> None:
    layer = Recurrent(mine, 3, 4, heads=2)
    layer.save_pretrained(tmp_path)
    with pytest.raises(
        ArgumentError, match=r"(?s)the cell 'mine' with the equations\n\nf_t = .*give the one that they"
    ):
        Recurrent.from_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match="'other' has other equations"):
        Recurrent.from_pretrained(tmp_path, cell=other)
    assert torch.equal(output_of(Recurrent.from_pretrained(tmp_path, cell=mine))[0], output_of(layer)[0])
    Recurrent(zoneout(mine, 0.1), 3, 4).save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match="or other default values of masks"):
        Recurrent.from_pretrained(tmp_path, cell=zoneout(mine, 0.2))
    assert Recurrent.from_pretrained(tmp_path, cell=zoneout(mine, 0.1)).cell.mask_defaults
    LSTM(3, 4).save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match="leave cell out"):
        LSTM.from_pretrained(tmp_path, cell=mine)


class Larger(LSTM):
    def __init__(self, size: int) -> None:
        super().__init__(size, 2 * size)


def test_what_no_constructor_makes_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="Larger has a constructor of its own"):
        Larger(3).save_pretrained(tmp_path)
    layer = LSTM(3, 4)
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with pytest.raises(ArgumentError, match="parameters that its constructor does not make"):
        layer.save_pretrained(tmp_path)
    layer = Recurrent("gru", 3, 4)
    layer.layer_cells = {0: tidegate.cells.intervened(layer.cell, {"z": {0: 0.0}})}
    with pytest.raises(ArgumentError, match="layer_cells is set"):
        layer.save_pretrained(tmp_path)
    layer = LSTM(3, 4)
    layer.bias_hh_l0 = nn.Parameter(torch.zeros(16, dtype=torch.float64))
    with pytest.raises(ArgumentError, match="The parameters are float32, float64"):
        layer.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir()), "something was half-written"
    (tmp_path / "config.json").write_text('{"format": "tidegate run", "version": 2}')
    with pytest.raises(RunFolderError, match="should say 'format': 'tidegate layer'"):
        LSTM(3, 4).save_pretrained(tmp_path)


def test_a_folder_that_is_none_of_a_layer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"does not exist here, and is no OWNER/NAME of the hub"):
        LSTM.from_pretrained(tmp_path / "none")
    with pytest.raises(RunFolderError, match=r"config\.json is missing"):
        LSTM.from_pretrained(tmp_path)
    GRU(3, 4).save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match=r"holds a layer of GRU, .*tidegate\.nn\.GRU\.from_pretrained"):
        LSTM.from_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match="is a folder: leave it out"):
        GRU.from_pretrained(tmp_path, revision="main")


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("hidden_size", 5, "should be .* as config.json says"),
        ("hidden_size", 2**62, "should lie in 0..2147483647"),
        ("hidden_size", 2**31 - 1, "describes no layer"),
        ("hidden_size", -1, "should lie in 0"),
        ("num_layers", 10**9, "holds 4 tensors, but config.json says 1000000000 layers"),
        ("input_size", True, "should be int"),
        ("input_size", "3", "should be int"),
        ("dtype", "float8", "should be"),
        ("cell_digest", "0" * 16, "other equations"),
        ("kind", "Module", "should be"),
        ("dropout", 5.0, "describes no layer"),
        ("layer_sizes", "4,x", "should be like '8,6'"),
        ("layer_sizes", "4," * 99 + "4", "config.json says 100 layers"),
        ("heads", 3, "describes no layer"),
        ("unknown", 1, "is not known"),
    ],
)
def test_an_altered_description_is_refused(entry: str, value: Any, match: str, tmp_path: Path) -> None:
    Recurrent("gru", 3, 4).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {entry: value}))
    with pytest.raises((RunFolderError, ArgumentError), match=match):
        Recurrent.from_pretrained(tmp_path)


def test_altered_parameters_are_refused(tmp_path: Path) -> None:
    GRU(3, 4).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    for altered in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), whole[:100], b""):
        path.write_bytes(altered)
        with pytest.raises(RunFolderError, match=r"truncated or altered|was altered"):
            GRU.from_pretrained(tmp_path)
    save_file(GRU(3, 4).state_dict(), path)
    with pytest.raises(RunFolderError, match="another program wrote it"):
        GRU.from_pretrained(tmp_path)


@pytest.mark.slow
def test_a_layer_goes_to_the_hub_and_back(hub: LocalHub, tmp_path: Path) -> None:
    layer = Recurrent("mgu", 5, 6)
    address = layer.push_to_hub("me/layer", license="mit", private=True, commit_message="first")
    assert address == f"{hub.address}/me/layer"
    repository = hub.repositories["me/layer"]
    files = repository.commits[repository.branches["main"]]
    assert {*files} == {".gitattributes", "README.md", "config.json", "model.safetensors"}
    assert repository.messages[-1] == "first"
    card = files["README.md"].decode()
    assert 'license: "mit"' in card
    assert layer.cell.latex() in card
    for place in ("me/layer", "hub:me/layer", "hub:me/layer@main"):
        assert torch.equal(output_of(Recurrent.from_pretrained(place))[0], output_of(layer)[0])
    hub.down = True
    assert Recurrent.from_pretrained("me/layer", local_files_only=True).cell is layer.cell
    with pytest.raises(HubError, match="not, or not wholly, in the cache"):
        Recurrent.from_pretrained("me/layer", cache_dir=tmp_path / "elsewhere", local_files_only=True)
    hub.down = False
    layer.save_pretrained(tmp_path / "x", repo_id="me/again", push_to_hub=True, license="mit", branch="dev")
    assert Recurrent.from_pretrained("me/again", revision="dev").input_size == 5
    with pytest.raises(ArgumentError, match="A licence is needed"):
        layer.push_to_hub("me/again")
    with pytest.raises(ArgumentError, match="names its revision already"):
        Recurrent.from_pretrained("hub:me/again@dev", revision="main")


def test_of_a_repository_of_another_program_nothing_else_is_fetched(hub: LocalHub) -> None:
    hub.add("me/gpt", {"config.json": b'{"model_type": "gpt2"}', "model.safetensors": b"x" * 1000})
    with pytest.raises(RunFolderError, match="should say 'format': 'tidegate layer'"):
        GRU.from_pretrained("me/gpt")
    assert hub.fetched() == ["config.json"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_an_altered_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    Recurrent("coupled_lstm", 3, 4, proj_size=2).save_pretrained(tmp_path)
    whole = (tmp_path / name).read_bytes()
    refused = 0
    for seed in range(25):
        (tmp_path / name).write_bytes(mutated(whole, seed))
        try:
            Recurrent.from_pretrained(tmp_path)
        except TidegateError:
            refused += 1
    assert refused > 10
