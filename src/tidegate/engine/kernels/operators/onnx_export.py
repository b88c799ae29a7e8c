"""The operators while ``torch.onnx.export`` captures a model: refused, unless there is a translation of them."""

from __future__ import annotations

import torch

from tidegate.errors import BackendError

TRANSLATED: set[str] = set()
"""Operators whose translation to ONNX was asked for in this process: see `tidegate.export.onnx_translations`."""


def captures_onnx() -> bool:
    """Whether ``torch.onnx.export`` captures a model."""
    return torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()


def refuse_without_translation() -> None:
    """Refuse ``tidegate::run`` while it is captured, if there is no translation. All ways to do so come through here.

    Raises:
        BackendError: it cannot be translated.
    """
    if captures_onnx() and "run" not in TRANSLATED:
        raise BackendError(
            "torch.onnx.export does not know Tidegate's layers: give it their translations, "
            "custom_translation_table=tidegate.export.onnx_translations(), with dynamo=True; or write the model with "
            "tidegate.export.onnx(model, file)."
        )
