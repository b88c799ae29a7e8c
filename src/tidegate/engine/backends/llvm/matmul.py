"""Large matrix products outside the loop over time.

PyTorch's ``@`` on a CPU is its BLAS, which on some machines (MKL on AMD's, say) reaches half of what oneDNN does. For
large float32 products the operands are handed to oneDNN instead, through PyTorch's own oneDNN tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

WORTH_IT = 2_000_000_000  # FLOPs from which copying the operands costs less than it gains


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """a (M, K) times b (K, N)."""
    flops = 2 * a.shape[0] * a.shape[1] * b.shape[1]
    if a.dtype != torch.float32 or flops < WORTH_IT or not torch.backends.mkldnn.is_available():
        return a @ b
    left, right = a.contiguous().to_mkldnn(), b.t().contiguous().to_mkldnn()
    return torch.nn.functional.linear(left, right).to_dense()
