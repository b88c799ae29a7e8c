#!/usr/bin/env bash
# triton 3.9.0, torch 2.13.0 (CPU), numpy 2.4.6 (Python 3.11), TRITON_INTERPRET=1.
#
# Triton's interpreter keeps bfloat16 tensors as NumPy arrays of uint16, their bits. Loads, stores, arithmetic and
# conversions know that, but tl.dot gives the bits to np.matmul: the product of two bfloat16 matrices is that of large
# whole numbers, without an error or a warning. The same kernel in float16 or float32 is right.
#
# The good guess that is wrong: a kernel whose bfloat16 loads and stores agree with PyTorch in the interpreter computes
# its products rightly there too, so a wrong result is the kernel's fault.
#
# Seen:
#   float32: largest error 0
#   float16: largest error 0
#   bfloat16: largest error 2.6e+08
#   bfloat16, converted to float32 before the product: largest error 0
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 triton==3.9.0 numpy==2.4.6
cat > show.py <<'PYTHON'
import torch
import triton
import triton.language as tl


@triton.jit
def product(a, b, out, WIDE: tl.constexpr):
    k = tl.arange(0, 16)
    at = k[:, None] * 16 + k[None, :]
    left, right = tl.load(a + at), tl.load(b + at)
    if WIDE:
        left, right = left.to(tl.float32), right.to(tl.float32)
    tl.store(out + at, tl.dot(left, right))


a, b = torch.eye(16), 0.25 * torch.ones(16, 16)  # exact in every type
for dtype, wide in ((torch.float32, False), (torch.float16, False), (torch.bfloat16, False), (torch.bfloat16, True)):
    out = torch.zeros(16, 16)
    product[(1,)](a.to(dtype), b.to(dtype), out, WIDE=wide)
    name = str(dtype).removeprefix("torch.") + (", converted to float32 before the product" if wide else "")
    print(f"{name}: largest error {float((out - a @ b).abs().max()):.3g}")
PYTHON
TRITON_INTERPRET=1 env/bin/python show.py 2> warnings | tee seen
grep -qx "float16: largest error 0" seen
grep -qx "bfloat16: largest error 2.6e+08" seen
grep -qx "bfloat16, converted to float32 before the product: largest error 0" seen
test ! -s warnings
