"""``tidegate export``: runs as files of other programs, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from scipy.io import wavfile
from tests.export.plugin_readers import play_aida_x, play_nam

Cli = Callable[..., Result]
RATE = 8000


@pytest.fixture(scope="module")
def amp(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("amp")
    x = np.random.default_rng(0).uniform(-0.3, 0.5, 4000)
    wavfile.write(folder / "input.wav", RATE, x.astype(np.float32))
    wavfile.write(folder / "target.wav", RATE, (0.1 + np.tanh(4 * x)).astype(np.float32))
    options = "--hidden-size 6 --steps 3 --warmup-steps 1 --validate-every 3 --device cpu --backend vendor"
    found = cli(
        "train", "regress", folder / "input.wav", folder / "target.wav", "--out", folder / "run", *options.split()
    )
    assert found.exit_code == 0, found.output
    return folder


def played(cli: Cli, amp: Path, x: np.ndarray) -> np.ndarray:
    """What ``tidegate predict`` writes for samples."""
    wavfile.write(amp / "new.wav", RATE, x.astype(np.float32))
    assert cli("predict", amp / "run", amp / "new.wav", "--out", amp / "out.wav").exit_code == 0
    return wavfile.read(amp / "out.wav")[1]


def test_plug_ins_play_what_predict_writes(cli: Cli, amp: Path) -> None:
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 300).astype(np.float32)
    found = cli("export", amp / "run", amp / "amp.json")
    assert found.exit_code == 0, found.output
    assert "8 units (the model's 6, 1 that passes the input on, 1 that stays 0)" in found.stderr
    y = play_aida_x(json.loads((amp / "amp.json").read_text()), x)
    np.testing.assert_allclose(y, played(cli, amp, x), atol=2e-6)
    assert (
        cli("export", amp / "run", amp / "a.nam", "--metadata", "name=Ä=b", "--metadata", "gear_make=x").exit_code == 0
    )
    record = json.loads((amp / "a.nam").read_text())
    assert record["metadata"] == {"name": "Ä=b", "gear_make": "x"}
    assert record["sample_rate"] == RATE
    late = played(cli, amp, np.concatenate([np.zeros(48_000), x]))[48_000:]
    np.testing.assert_allclose(play_nam(record, x), late, atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["amp.wav"], r"amp.wav should be called \*.nam or "),
        (["amp.nam", "--no-aida-x"], "--no-aida-x: it is for files called .json"),
        (["amp.nam", "--sample-rate", 44_100], "given is 44,100, but .* 8,000"),
        (["amp.nam", "--metadata", "name"], "'name' should be KEY=TEXT"),
        (["folder/amp.nam/amp.nam"], "folder/amp.nam"),
    ],
)
def test_mistakes_are_one_message(
    cli: Cli, amp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "amp.nam").write_text("a file")
    found = cli("export", amp / "run", *arguments)
    assert found.exit_code == 2
    assert re.search(message, " ".join(found.output.split()))
    assert [it.name for it in tmp_path.rglob("*")] == ["folder", "amp.nam"]


def test_other_tasks_are_refused(cli: Cli, run_folder: Path, tmp_path: Path) -> None:
    found = cli("export", run_folder, tmp_path / "amp.nam")
    assert found.exit_code == 2
    assert "is a run of the task lm; plug-ins compute a number for every sample" in found.output


def test_a_language_model_as_onnx(cli: Cli, run_folder: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    found = cli("export", run_folder, tmp_path / "model.onnx", "--step", "--metadata", "owner=me")
    assert found.exit_code == 0, found.output
    assert "tokens (batch), h_l0 (batch, " in found.stderr
    assert "Checked in ONNX Runtime: outputs are Python's." in " ".join(found.stderr.split())
    said = {it.key: json.loads(it.value) for it in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert (said["task"], said["owner"]) == ("lm", "me")
    assert said["vocabulary"] == json.loads((run_folder / "vocabulary.json").read_text())
    rounded = cli("export", run_folder, tmp_path / "small.onnx", "--int8")
    assert re.search(r"8 bits \(at most .*%.*; held-out loss \d\S+ -> \d\S+ nats per", " ".join(rounded.stderr.split()))
    refused = cli("export", run_folder, tmp_path / "other.onnx", "--sample-rate", 8000)
    assert refused.exit_code == 2
    assert "it is for files called .nam and .json" in " ".join(refused.output.split())


def test_a_run_of_regress_as_onnx_reads_and_returns_what_predict_does(cli: Cli, amp: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    found = cli("export", amp / "run", amp / "amp.onnx")
    assert found.exit_code == 0, found.output
    x = np.random.default_rng(2).uniform(-0.5, 0.5, 200).astype(np.float32)
    session = ort.InferenceSession((amp / "amp.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x[:, None, None]})
    np.testing.assert_allclose(y[:, 0, 0], played(cli, amp, x), atol=2e-6)
