"""Audio as series: pairs of WAV files, their samples, and the delay between them."""

import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.io.files import replacing
from tidegate.io.input_files import check_declared_size, open_input
from tidegate.io.optional import needed

ENDING = ".wav"
INPUT, TARGET = ("input", "dry", "in"), ("target", "wet", "output", "out")
READ = 1 << 20  # samples that are correlated
FARTHEST = 1 << 12  # samples of delay that are looked for
# What scipy raises for a file that is altered or cut off.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    NameError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)


class Pair(NamedTuple):
    """A recording of what went in, and one of what came out."""

    input: Path
    target: Path

    def __str__(self) -> str:
        return f"{self.input} and {self.target}"


def is_audio(path: Path) -> bool:
    """Whether a file is read as audio, according to its name."""
    return path.suffix.lower() == ENDING


def paired(files: Sequence[Path]) -> list[Pair]:
    """Return the pairs among WAV files.

    Their names are the same but for "input" and "target" ("dry" and "wet", "in" and "out"), as in ``a-input.wav`` and
    ``a-target.wav``. Two files with other names are the input and the target in this order.

    Raises:
        DataError: a file has no partner, or two files are the same part of a pair.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in files:
        found.setdefault(str(path.parent / _rest(path)), {}).setdefault(_role(path) or str(path), path)
    if len(files) == 2 and not any(map(_role, files)):
        return [Pair(*files)]
    for name, parts in found.items():
        if set(parts) != {"input", "target"}:
            raise DataError(
                f"{', '.join(map(str, parts.values()))}: the input and the target of {name!r} are needed. Call them "
                "NAME-input.wav and NAME-target.wav, or give two files, the input first."
            )
    if 2 * len(found) != len(files):
        raise DataError(f"{', '.join(map(str, files))}: two of these are the same part of one pair: rename one.")
    return [Pair(parts["input"], parts["target"]) for parts in found.values()]


def _words(path: Path) -> list[str]:
    return path.stem.replace("_", "-").replace(" ", "-").split("-")


def _role(path: Path) -> str:
    """Return which part of a pair a file is, by the last or first word of its name; "" if it does not say."""
    words = [it.lower() for it in _words(path)]
    return next(
        (role for word in (words[-1], words[0]) for role, names in _ROLES.items() if word in names),
        "",
    )


_ROLES = {"input": INPUT, "target": TARGET}


def _rest(path: Path) -> str:
    """Return the name of a file without the word for its part."""
    words = _words(path)
    for at in (len(words) - 1, 0):
        if any(words[at].lower() in names for names in _ROLES.values()):
            return "-".join(words[:at] + words[at + 1 :])
    return path.stem


class Recording(NamedTuple):
    """The samples of a WAV file.

    Attributes:
        rate: samples per second.
        samples: (T, channels) float32, full scale being -1 to 1.
    """

    rate: int
    samples: NDArray[np.float32]


def read_wav(path: Path) -> Recording:
    """Read a WAV file of integers of 8 to 32 bits, or of floating point.

    Raises:
        DataError: it is no whole WAV file, or compressed.
        MissingDependencyError: scipy is not installed. (Python's own ``wave`` reads neither floating point nor the
            extensible header that most files of 24 bits have.)
    """
    wavfile = needed("scipy.io.wavfile", "WAV files need")
    with open_input(path) as file:
        content = file.read()  # as bytes, so that a length in a header allocates nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", "Chunk .non-data. not understood", wavfile.WavFileWarning)
            rate, samples = wavfile.read(io.BytesIO(content))
    except (*BROKEN, wavfile.WavFileWarning) as error:
        why = (str(error) or type(error).__name__).partition("\n")[0]
        raise DataError(f"{path} is not a whole WAV file of samples ({why:.200}).") from error
    samples = samples[:, None] if samples.ndim == 1 else samples
    check_declared_size(path, "the samples", samples.size * 4)
    if not samples.size or not 0 < rate < 1 << 31:
        raise DataError(f"{path} has no sample, or a rate of {rate}: give a recording.")
    if samples.dtype.kind in "iu":
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = (samples.astype(np.float64) - (half if samples.dtype.kind == "u" else 0.0)) / half
    return Recording(int(rate), samples.astype(np.float32))


def write_wav(path: Path, rate: int, samples: NDArray[Any]) -> None:
    """Write samples (T, channels) as a WAV file of 32-bit floating point, so that nothing is clipped or rounded."""
    content = io.BytesIO()
    needed("scipy.io.wavfile", "WAV files need").write(content, rate, np.asarray(samples, np.float32))
    with replacing(path) as file:
        file.write(content.getvalue())


def delay(source: NDArray[Any], target: NDArray[Any]) -> int:
    """Return by how many steps the target comes after the source: where their cross-correlation is largest in size.

    Args:
        source: (T,)
        target: (T,)

    Returns:
        From -4096 to 4096; 0 if either is constant.
    """
    x, y = (np.asarray(it[:READ], np.float64) - np.mean(it[:READ], dtype=np.float64) for it in (source, target))
    if not x.any() or not y.any():
        return 0
    size = 1 << (len(x) + FARTHEST).bit_length()
    correlation = np.abs(np.fft.irfft(np.conj(np.fft.rfft(x, size)) * np.fft.rfft(y, size), size))
    far = min(FARTHEST, len(x) - 1)
    lags = np.concatenate([np.arange(far + 1), np.arange(-far, 0)])
    return int(lags[np.argmax(correlation[lags])])
