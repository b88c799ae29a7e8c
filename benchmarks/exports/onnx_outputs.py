"""What samples give as ONNX files in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.exports.samples import Sample
from tidegate import export


def version() -> str:
    """Return the version of ONNX Runtime; nothing if it, or onnx, is not installed."""
    try:
        import onnx  # pyright: ignore[reportMissingImports]
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        return ""
    return f"ONNX Runtime {onnxruntime.__version__}, onnx {onnx.__version__}"


def in_onnx(given: Sequence[Sample], folder: Path) -> dict[str, Tensor]:
    """Write each sample as an ONNX file and run it; return the outputs, by sample."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    found = {}
    for it in given:
        path = folder / f"{it.name}.onnx"
        export.onnx(it.layer, path, check=False)
        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        inputs = {"x": it.x[:, None].numpy(), **{name: mask[..., None].numpy() for name, mask in it.masks.items()}}
        (outputs,) = session.run(["y"], inputs)
        found[it.name] = torch.from_numpy(outputs)[:, 0]
    return found
