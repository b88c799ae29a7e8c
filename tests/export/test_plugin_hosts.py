"""Files of audio plug-ins in the programs that play them: neural-amp-modeler's loader, and RTNeural's C++.

They are skipped where neither is: neural-amp-modeler is a package, and TIDEGATE_RTNEURAL names a folder with a checkout
of github.com/jatinchowdhury18/RTNeural.
"""

import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.export.test_audio_files import close, python, spread
from torch import nn

import tidegate
from tidegate import export
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor

RATE = 48_000
RTNEURAL = os.environ.get("TIDEGATE_RTNEURAL", "")
X = np.random.default_rng(5).uniform(-1, 1, 6000).astype(np.float32)
HOST = Path(__file__).with_name("rtneural_host.cpp")
pytestmark = pytest.mark.slow
needs_rtneural = pytest.mark.skipif(
    not RTNEURAL or shutil.which("g++") is None, reason="a checkout of RTNeural in TIDEGATE_RTNEURAL and g++"
)


@pytest.mark.parametrize("direct", [False, True])
def test_neural_amp_modeler_plays_what_python_plays(direct: bool, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        init_from_nam = pytest.importorskip("nam.models").init_from_nam
    config = RegressConfig(hidden_size=9, num_layers=2)
    own = spread(Regressor(config, 1, 1)).eval()
    model: list[Any] = [lambda x: own(x)[0]] if direct else [own.recurrent, own.output]
    export.nam(own if direct else model, tmp_path / "amp.nam", sample_rate=RATE)
    loaded = init_from_nam(json.loads((tmp_path / "amp.nam").read_text())).eval()
    with torch.no_grad():
        found = loaded(torch.from_numpy(X), pad_start=False).double().numpy()
    assert close(found, python(model, X[:, None].astype(np.float64), silence=48_000)[:, 0])


@pytest.mark.parametrize("backend", ["STL", "EIGEN"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@needs_rtneural
def test_rtneural_plays_what_python_plays(kind: str, backend: str, tmp_path: Path) -> None:
    play = compiled(tmp_path, backend)
    for inputs, layers in ((1, 1), (3, 2)):
        layer = spread(getattr(tidegate.nn, kind)(inputs, 12, num_layers=layers))
        model = [layer, spread(nn.Linear(12, 2))]
        export.rtneural(model, tmp_path / "amp.json", aida_x=False)
        x = X.reshape(-1, inputs)
        assert close(play(tmp_path / "amp.json", x).reshape(-1, 2), python(model, x.astype(np.float64)))


@pytest.mark.parametrize("backend", ["STL", "EIGEN"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@needs_rtneural
def test_models_of_a_size_that_is_compiled_in_play_what_python_plays(kind: str, backend: str, tmp_path: Path) -> None:
    play = compiled(tmp_path, backend, f"-DKIND={kind}LayerT", "-DHIDDEN=20")
    model = spread(Regressor(RegressConfig(cell=kind.lower(), hidden_size=18), 1, 1)).eval()
    made = export.rtneural(model, tmp_path / "amp.json", sample_rate=RATE)
    assert "20 units (the model's 18, 1 that passes the input on, 1 that stays 0)" in str(made)
    found = play(tmp_path / "amp.json", X)
    assert close(found, python([lambda x: model(x)[0]], X[:, None].astype(np.float64))[:, 0])
    record = json.loads((tmp_path / "amp.json").read_text())
    test = play(tmp_path / "amp.json", np.array(record["input_batch"], np.float32))
    assert np.abs(test - record["output_batch"]).max() < 1e-5  # as aidadsp-lv2 has it


def compiled(folder: Path, backend: str, *options: str) -> Any:
    """Return a function that plays samples through a file."""
    given = [f"-I{RTNEURAL}", f"-I{RTNEURAL}/modules/Eigen", "-DRTNEURAL_DEFAULT_ALIGNMENT=16", *options]
    command = ["g++", "-std=c++17", "-O1", f"-DRTNEURAL_USE_{backend}=1", *given, str(HOST), "-o", str(folder / "host")]
    subprocess.run(command, check=True)

    def play(file: Path, x: NDArray[Any]) -> NDArray[Any]:
        ended = subprocess.run([folder / "host", file], input=x.tobytes(), capture_output=True, check=True)
        return np.frombuffer(ended.stdout, np.float32).astype(np.float64)

    return play
