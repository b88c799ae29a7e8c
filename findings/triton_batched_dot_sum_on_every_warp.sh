#!/usr/bin/env bash
# triton 3.9.0 (3.6.0 likewise), compiled for sm_90 (no GPU is needed; Python 3.11).
#
# The sum over the batch of a batched tl.dot, (4, 16, 64) x (4, 64, 16) with four warps, is held by all four warps. What
# is computed from it is computed four times over, and each tile that is stored is moved through shared memory first,
# with two barriers of its own, if the other numbers were loaded before the product. It depends on the order of the
# lines: one load after the product, even with a mask that is never true, gives what follows the layout of the loads.
#
# The good guess that is wrong: the compiler changes the layout of the small result of a reduction once, and where in the
# source numbers are loaded that do not depend on it makes no difference.
#
# Seen:
#   1 results: 11 barriers, 8 multiplications a thread
#   1 results, with a load that loads nothing: 11 barriers, 2 multiplications a thread
#   4 results: 23 barriers, 32 multiplications a thread
#   4 results, with a load that loads nothing: 11 barriers, 8 multiplications a thread
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check triton==3.9.0
cat > show.py <<'PYTHON'
import re
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def kernel(a, b, x, out, RESULTS: tl.constexpr, NOTHING: tl.constexpr):
    q, k, i = tl.arange(0, 4), tl.arange(0, 64), tl.arange(0, 16)
    left = tl.load(a + q[:, None, None] * 1024 + i[None, :, None] * 64 + k[None, None, :])
    right = tl.load(b + q[:, None, None] * 1024 + i[None, None, :] * 64 + k[None, :, None])
    at = i[:, None] * 16 + i[None, :]
    x0, x1 = tl.load(x + at), tl.load(x + 256 + at)
    x2, x3 = tl.load(x + 512 + at), tl.load(x + 768 + at)
    z = tl.trans(tl.sum(tl.dot(left, right), axis=0))
    if NOTHING:
        z += tl.load(x + at, mask=(i < 0)[:, None] & (i < 0)[None, :], other=0.0)
    tl.store(out + at, z * x0)
    if RESULTS > 1:
        tl.store(out + 256 + at, z * x1)
        tl.store(out + 512 + at, z * x2)
        tl.store(out + 768 + at, z * x3)


def show(results, nothing):
    types = {"a": "*bf16", "b": "*bf16", "x": "*fp32", "out": "*fp32", "RESULTS": "constexpr", "NOTHING": "constexpr"}
    fixed = {(4,): results, (5,): nothing}
    hints = {(place,): [["tt.divisibility", 16]] for place in range(4)}
    made = triton.compile(ASTSource(kernel, types, fixed, hints), target=GPUTarget("cuda", 90, 32))
    barriers = len(re.findall(r"bar\.sync", made.asm["ptx"]))
    multiplied = len(re.findall(r"mul\.(?:rn\.)?f32", made.asm["ptx"]))
    print(f"{results} results{', with a load that loads nothing' * nothing}: {barriers} barriers, {multiplied} multiplications a thread")


for results in (1, 4):
    for nothing in (False, True):
        show(results, nothing)
PYTHON
TRITON_CACHE_DIR="$dir/cache" TRITON_DEFAULT_FP_FUSION=1 env/bin/python show.py | tee seen
grep -qx "1 results, with a load that loads nothing: 11 barriers, 2 multiplications a thread" seen
grep -qx "4 results: 23 barriers, 32 multiplications a thread" seen
grep -qx "4 results, with a load that loads nothing: 11 barriers, 8 multiplications a thread" seen
