"""The table of published files: a wheel is read and compared, and what is wrong with it is told."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.published_files.__main__ import checked, main
from benchmarks.published_files.own_runtimes import Keras, Torch
from benchmarks.published_files.package_archives import fetched
from benchmarks.published_files.package_rows import Layers, Package
from benchmarks.published_files.package_table import PACKAGES
from torch import nn

from tidegate.errors import BenchmarkError

GRU = Torch("GRU", (5, 7, 2), "encoder.rnn.", both=True)


def wheel(folder: Path, file: Path, layers: Layers) -> Package:
    """Make a wheel with one file, and its row of the table."""
    path = folder / "some_net-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, f"some_net/{file.name}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package("some-net", "1.0", "MIT", digest, "a file", {f"some_net/*{file.suffix}": layers})


def torch_file(folder: Path) -> Path:
    torch.manual_seed(1)
    layer = nn.GRU(5, 7, 2, bidirectional=True)
    path = folder / "weights.pt"
    torch.save({"encoder": {f"rnn.{key}": value for key, value in layer.state_dict().items()}}, path)
    return path


def test_a_wheel_is_read_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = wheel(tmp_path, torch_file(tmp_path), {"encoder.rnn": GRU})
    assert main(["--folder", str(tmp_path)], [package]) == 0
    shown = capsys.readouterr().out
    assert "| some-net | 1.0 | MIT | a file | 1 | `GRU(5, 7, num_layers=2, bidirectional=True)` |" in shown


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ({"encoder": GRU}, "has the layers encoder.rnn, not encoder"),
        ({"encoder.rnn": GRU, "decoder": GRU}, "has the layers encoder.rnn, not encoder.rnn, decoder"),
    ],
)
def test_other_layers_are_told(layers: Layers, told: str, tmp_path: Path) -> None:
    package = wheel(tmp_path, torch_file(tmp_path), layers)
    assert any(told in it for it in checked(package, fetched(package, tmp_path)).failures)


def test_a_difference_and_a_file_that_is_not_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = wheel(tmp_path, torch_file(tmp_path), {"encoder.rnn": GRU})
    own = Torch.outputs
    monkeypatch.setattr(Torch, "outputs", lambda self, path, x: own(self, path, x) * (1 + 1e-6))
    assert main(["--folder", str(tmp_path)], [package]) == 1
    assert "weights.pt: encoder.rnn differs from its own runtime by" in capsys.readouterr().err
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"no network")
    package = wheel(tmp_path, bad, {"encoder.rnn": GRU})
    assert main(["--folder", str(tmp_path)], [package]) == 1
    assert "is no file of a network" in capsys.readouterr().err


def test_another_digest_and_another_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = wheel(tmp_path, torch_file(tmp_path), {"encoder.rnn": GRU})
    with pytest.raises(BenchmarkError, match="has the digest"):
        fetched(replace(package, digest="0" * 64), tmp_path)
    with pytest.raises(SystemExit):
        main(["--only", "other"], [package])
    assert "--only other is none of some-net" in capsys.readouterr().err


def test_keras_equations_are_those_of_torch(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    torch.manual_seed(2)
    layer = nn.GRU(3, 4, bidirectional=True).double()
    names = ("kernel", "recurrent", "bias")
    with h5py.File(tmp_path / "own.h5", "w") as file:
        for way, end in (("forward", ""), ("backward", "_reverse")):
            w = {key: getattr(layer, f"{key}_l0{end}").detach().numpy() for key in
                 ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
            turned = {key: np.concatenate([value[4:8], value[:4], value[8:]]) for key, value in w.items()}  # z r n
            arrays = turned["weight_ih"].T, turned["weight_hh"].T, np.stack([turned["bias_ih"], turned["bias_hh"]])
            for name, value in zip(names, arrays, strict=True):
                file[f"{way}/{name}"] = value
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    found = Keras("GRU", ("forward", "backward"), names).outputs(tmp_path / "own.h5", x)
    assert torch.allclose(found, layer(x)[0], atol=1e-12, rtol=0)
    with pytest.raises(BenchmarkError, match="has 2 arrays"):
        Keras("GRU", ("*ward",), names).outputs(tmp_path / "own.h5", x)


def test_the_table_has_twelve_packages() -> None:
    assert len({it.name for it in PACKAGES}) >= 12
    assert all(len(it.digest) == 64 and it.files for it in PACKAGES)
