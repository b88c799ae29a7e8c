"""Files of audio plug-ins in the programs that play them: neural-amp-modeler's loader, and the plug-ins' C++.

What is not there is skipped. neural-amp-modeler is a package. TIDEGATE_RTNEURAL and TIDEGATE_NAM_CORE name folders with
checkouts of github.com/jatinchowdhury18/RTNeural and sdatkinson/NeuralAmpModelerCore (which finds Eigen in the first).
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
from tidegate.tasks.regress.config import Direct, RegressConfig
from tidegate.tasks.regress.model import Regressor

RATE = 48_000
RTNEURAL, NAM_CORE = (os.environ.get(f"TIDEGATE_{it}", "") for it in ("RTNEURAL", "NAM_CORE"))
X = np.random.default_rng(5).uniform(-1, 1, 6000).astype(np.float32)
HERE = Path(__file__).parent
NAM_FILES = ("activations", "lstm", "dsp", "util", "get_dsp", "nam_file")
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


@pytest.mark.skipif(not (NAM_CORE and RTNEURAL), reason="a checkout of NeuralAmpModelerCore in TIDEGATE_NAM_CORE")
def test_neural_amp_modelers_core_plays_what_python_plays(tmp_path: Path) -> None:
    sources = [str(HERE / "nam_host.cpp"), *(f"{NAM_CORE}/NAM/{name}.cpp" for name in NAM_FILES)]
    play = compiled(tmp_path, "-std=c++20", f"-I{NAM_CORE}", *sources)
    cases: list[tuple[Direct, float]] = [("linear", 9e-3), ("none", 2e-3)]
    for direct, error in cases:
        model = spread(Regressor(RegressConfig(hidden_size=9, num_layers=2, direct=direct), 1, 1)).eval()
        export.nam(model, tmp_path / "amp.nam", sample_rate=RATE)
        expected = python([lambda x, model=model: model(x)[0]], X[:, None].astype(np.float64), silence=48_000)[:, 0]
        assert close(play(tmp_path / "amp.nam", X), expected)
        approximated = np.abs(play(tmp_path / "amp.nam", X, "fast") - expected).max() / np.abs(expected).max()
        assert error / 10 < approximated < error


@pytest.mark.parametrize("backend", ["STL", "EIGEN"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@needs_rtneural
def test_rtneural_plays_what_python_plays(kind: str, backend: str, tmp_path: Path) -> None:
    play = compiled(tmp_path, *rtneural(backend))
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
    play = compiled(tmp_path, *rtneural(backend), f"-DKIND={kind}LayerT", "-DHIDDEN=20")
    model = spread(Regressor(RegressConfig(cell=kind.lower(), hidden_size=18), 1, 1)).eval()
    made = export.rtneural(model, tmp_path / "amp.json", sample_rate=RATE)
    assert "20 units (the model's 18, 1 that passes the input on, 1 that stays 0)" in str(made)
    found = play(tmp_path / "amp.json", X)
    assert close(found, python([lambda x: model(x)[0]], X[:, None].astype(np.float64))[:, 0])
    record = json.loads((tmp_path / "amp.json").read_text())
    test = play(tmp_path / "amp.json", np.array(record["input_batch"], np.float32))
    assert np.abs(test - record["output_batch"]).max() < 1e-5  # as aidadsp-lv2 has it


def rtneural(backend: str) -> list[str]:
    """What RTNeural is compiled with."""
    return [f"-DRTNEURAL_USE_{backend}=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=16", str(HERE / "rtneural_host.cpp")]


def compiled(folder: Path, *options: str) -> Any:
    """Return a function that plays samples through a file."""
    given = ["-std=c++17", f"-I{RTNEURAL}", f"-I{RTNEURAL}/modules/Eigen", f"-I{RTNEURAL}/modules/json", *options]
    subprocess.run(["g++", "-O1", *given, "-o", str(folder / "host")], check=True)

    def play(file: Path, x: NDArray[Any], *words: str) -> NDArray[Any]:
        ended = subprocess.run([folder / "host", file, *words], input=x.tobytes(), capture_output=True, check=True)
        return np.frombuffer(ended.stdout, np.float32).astype(np.float64)

    return play
