"""`tidegate.convert.read`: which program wrote a file, by what is in it, and the reader for it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal

from tidegate.convert.layers_file import is_layers
from tidegate.convert.result import Converted
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input

START = 16  # bytes by which a format is told

READERS: dict[str, str] = {
    "layers": "tidegate.convert.layers_file:read_layers",
    "torch": "tidegate.convert.torch_files:read_torch",
    "safetensors": "tidegate.convert.torch_files:read_safetensors",
    "keras": "tidegate.convert.keras_files.keras_reader:read_keras",
    "hdf5": "tidegate.convert.keras_files.keras_reader:read_hdf5",
    "plugin": "tidegate.convert.plugin_files:read_plugin",
    "npz": "tidegate.convert.torch_files:read_npz",
    "checkpoint": "tidegate.convert.tensorflow_files.tensorflow_reader:read_checkpoint",
    "graph": "tidegate.convert.tensorflow_files.tensorflow_reader:read_graph",
    "onnx": "tidegate.convert.onnx_files.onnx_reader:read_onnx",
}
"""For each format the function (path, digest, nonlinearity) that reads it, imported on use."""

NOT_READ = {
    ".meta": "the graph of a checkpoint of TensorFlow has no weights: give the file .index beside it",
    ".tflite": "models of TensorFlow Lite are not read: take the model that it was made of",
    ".pkl": "pickles are not read, as they can run code: save model.state_dict()",
    ".joblib": "pickles are not read, as they can run code: save model.state_dict()",
}
"""What to do with files that are known and not read, by their ending."""

UNMARKED = {".onnx": "onnx", ".index": "checkpoint", ".pb": "graph"}
"""Formats whose files do not begin with a mark, by their ending."""


def read(path: str | Path, *, nonlinearity: Literal["tanh", "relu"] = "tanh") -> Converted:
    """Read the recurrent layers of a trained network from another program's file.

    Args:
        path: the file. PyTorch: a ``state_dict`` in ``.pt``, ``.pth`` or ``.safetensors``, or in ``.npz`` under torch's
            names. Keras 1 to 3 and tf.keras: ``.keras``, ``.h5``, ``.weights.h5``. ONNX: ``.onnx``. TensorFlow 1: a
            checkpoint's ``.index``, a frozen graph ``.pb``. Audio plug-ins: ``.nam``, RTNeural's ``.json``.
        nonlinearity: of ``torch.nn.RNN`` layers in a ``state_dict``, which does not say it.

    Returns:
        The layers as modules of Tidegate with the same numbers, and a report (print it).

    Raises:
        DataError: the file is none that can be read, is cut off, or a layer in it has no equivalent; the message says
            what was found where.
        MissingDependencyError: a package that reads such files is not installed.

    Example:
        >>> import tidegate.convert
        >>> found = tidegate.convert.read("model.pt")  # doctest: +SKIP
        >>> found["encoder.rnn"]  # doctest: +SKIP
        GRU(192, 128, bidirectional=True)
    """
    path = Path(path)
    module, _, function = READERS[_format(path)].partition(":")
    reader: Callable[[Path, str, str], Converted] = getattr(import_module(module), function)
    return reader(path, _digest(path), nonlinearity)


def _format(path: Path) -> str:
    """Return the format of a file, from its content.

    Raises:
        DataError: it is none that can be read.
    """
    with open_input(path) as file:
        start = file.read(START)
    size = path.stat().st_size
    if start[:4] == b"PK\x03\x04":
        return _zip_format(path)
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if start[:1] == b"\x80":  # a pickle's protocol: torch.save before 1.6
        return "torch"
    if len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return "layers" if is_layers(path) else "safetensors"
    if start.lstrip()[:1] == b"{":
        return "plugin"
    if path.suffix.lower() in UNMARKED:
        return UNMARKED[path.suffix.lower()]
    if ".data-0" in path.name:
        raise DataError(f"{path} is the data of a checkpoint of TensorFlow: give the file .index beside it.")
    if path.suffix.lower() in NOT_READ:
        raise DataError(f"{path}: {NOT_READ[path.suffix.lower()]}.")
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b":"):  # a version, then a producer or a graph
        return "onnx"
    raise DataError(f"{path} is no file of a network that is known: it begins with {start[:8]!r}.")


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} is not a whole archive ({error}): it is cut off or altered.") from error
    names = [it.filename for it in entries]
    check_declared_size(path, "what it holds", sum(it.file_size for it in entries))
    if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return "torch"
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return "keras"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise DataError(f"{path} is an archive of no network that is known: it holds {', '.join(names[:5])}.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
