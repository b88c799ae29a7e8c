"""WAV files of every usual kind are read as scipy and Python's wave have them; pairs and delays are found."""

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import correlate

from tidegate.errors import DataError
from tidegate.tasks.regress.audio import Pair, delay, paired, read_wav, write_wav
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask

WAVE = np.sin(np.arange(2 * 301).reshape(301, 2) / 7) * 0.8


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_integers_are_read_at_full_scale(tmp_path: Path, width: int, channels: int) -> None:
    samples = np.round(WAVE[:, :channels] * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(44_100)
        stored = samples + 128 if width == 1 else samples
        file.writeframes(b"".join(int(it).to_bytes(width, "little", signed=width > 1) for it in stored.ravel()))
    found = read_wav(tmp_path / "a.wav")
    assert found.rate == 44_100
    assert found.samples.dtype == np.float32
    np.testing.assert_allclose(found.samples, samples / 2 ** (8 * width - 1), atol=1e-7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_is_read_and_written(tmp_path: Path, kind: Any) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, (3 * WAVE).astype(kind))
    found = read_wav(tmp_path / "a.wav")
    np.testing.assert_array_equal(found.samples, (3 * WAVE).astype(np.float32))
    write_wav(tmp_path / "b.wav", found.rate, found.samples)
    rate, again = wavfile.read(tmp_path / "b.wav")
    assert rate == 8000
    np.testing.assert_array_equal(again, found.samples)


def test_the_extensible_header_of_24_bits_is_read(tmp_path: Path) -> None:
    samples = np.array([0, 1, -1, 2**22, -(2**23), 2**23 - 1])
    data = b"".join(int(it).to_bytes(3, "little", signed=True) for it in samples)
    pcm = struct.pack("<H14s", 1, bytes.fromhex("000000001000800000aa00389b71"))
    about = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 48_000, 144_000, 3, 24, 22, 24, 4) + pcm
    chunks = b"fmt " + struct.pack("<I", len(about)) + about + b"bext" + struct.pack("<I", 4) + b"abcd"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    np.testing.assert_allclose(read_wav(tmp_path / "a.wav").samples[:, 0], samples / 2**23, atol=1e-7)


def test_files_that_are_cut_off_or_empty_are_refused(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, WAVE.astype(np.float32))
    content = (tmp_path / "a.wav").read_bytes()
    for cut in (0, 10, 30, 50, len(content) - 1, len(content) // 2):
        (tmp_path / "cut.wav").write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"cut\.wav is not a whole WAV file"):
            read_wav(tmp_path / "cut.wav")
    wavfile.write(tmp_path / "none.wav", 8000, WAVE[:0].astype(np.float32))
    with pytest.raises(DataError, match="has no sample"):
        read_wav(tmp_path / "none.wav")


def test_pairs_go_by_their_names() -> None:
    def names(*files: str) -> list[tuple[str, str]]:
        return [(it.input.name, it.target.name) for it in paired([Path(it) for it in files])]

    assert names("a-target.wav", "a-input.wav", "b_wet.wav", "b_dry.wav") == [
        ("a-input.wav", "a-target.wav"),
        ("b_dry.wav", "b_wet.wav"),
    ]
    assert names("input.wav", "target.wav") == [("input.wav", "target.wav")]
    assert names("guitar.wav", "amplifier.wav") == [("guitar.wav", "amplifier.wav")]
    assert names() == []
    with pytest.raises(DataError, match=r"a-input\.wav: the input and the target of 'a' are needed"):
        names("a-input.wav", "b-target.wav")
    with pytest.raises(DataError, match="the same part of one pair"):
        names("a-input.wav", "a_input.wav", "a-target.wav")


@pytest.mark.parametrize("lag", [0, 7, -5, 300])
def test_a_delay_is_the_one_of_scipy(lag: int) -> None:
    draw = np.random.default_rng(lag + 5)
    x = draw.normal(0, 1, 4000)
    y = -np.tanh(2 * np.roll(x, lag)) + 0.1 * draw.normal(0, 1, 4000)
    lags = np.arange(-len(x) + 1, len(x))
    assert delay(x, y) == lags[np.argmax(np.abs(correlate(y - y.mean(), x - x.mean(), "full")))] == lag
    assert delay(x, np.ones(4000)) == 0


def test_a_pair_is_one_series_and_its_delay_is_said(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 0.1, 500).astype(np.float32)
    pair = Pair(tmp_path / "a-input.wav", tmp_path / "a-target.wav")
    wavfile.write(pair.input, 8000, x)
    wavfile.write(pair.target, 8000, np.roll(x, 3))
    assert list(RegressTask.group_files([tmp_path])) == [pair]
    (row,) = RegressTask.read(pair, RegressConfig())
    assert row.values["columns"] == (["input"], ["target"])
    np.testing.assert_array_equal(row.values["inputs"][:, 0], x)
    (note,) = RegressTask.remarks(pair, RegressConfig())
    assert "comes 3 samples (0.375 ms) after the input" in note
    assert "--shift 3" in note
    assert not RegressTask.remarks(pair, RegressConfig(shift=3))
    (row,) = RegressTask.read(pair, RegressConfig(shift=3))
    np.testing.assert_array_equal(row.values["targets"][:-3], row.values["inputs"][:-3])
    wavfile.write(pair.target, 44_100, x)
    with pytest.raises(DataError, match=r"has 8,000 samples per second, but .* has 44,100: resample one"):
        list(RegressTask.read(pair, RegressConfig()))
    wavfile.write(pair.target, 8000, x[1:])
    with pytest.raises(DataError, match=r"has 500 samples, but .* has 499: cut"):
        list(RegressTask.read(pair, RegressConfig()))
    x[4] = np.nan
    wavfile.write(pair.input, 8000, x)
    with pytest.raises(DataError, match="sample 5 is nan or infinite"):
        list(RegressTask.read(pair.input, RegressConfig()))
