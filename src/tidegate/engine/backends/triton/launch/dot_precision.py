"""How products in float32 are computed: with the precision set for PyTorch's own recurrent layers."""

from __future__ import annotations

import torch
from torch import Tensor


def dot_precision(x: Tensor) -> str:
    """Return `tl.dot`'s precision for a tensor's dtype and device.

    Half precision has its own products. In float32, ``torch.backends.cudnn.rnn.fp32_precision`` (and, older,
    ``torch.backends.cudnn.allow_tf32``) says whether products may be rounded to TF32; otherwise they are exact to
    float32, by three products in TF32 where the device has it.
    """
    if x.dtype != torch.float32 or x.device.type != "cuda":
        return "ieee"
    if torch.version.hip:
        return "ieee"
    allowed = torch.backends.cudnn.rnn.fp32_precision  # pyright: ignore[reportAttributeAccessIssue]
    return "tf32" if allowed == "tf32" else "tf32x3"
