#!/usr/bin/env bash
# PyTorch 2.13.0 on a CPU: one call of torch.nn.GRU in bfloat16 and in float16 over 3,000 steps.
#
# With an update gate that keeps 0.999 of the state and a candidate of 1, h_t = 1 - 0.999^t, which is 0.950 after 3,000
# steps. In bfloat16 the layer's state is exactly 0 at every step; in float16 it stops at 0.626.
#
# The good guess that is wrong: inside one call the state is accumulated in float32 and only the output is rounded, as a
# matrix product accumulates in float32. The state and the gates are rounded at every step: 0.999 is 1 in bfloat16, so
# 1 - z is 0.
#
# Seen:
#   torch.float32   0.950
#   torch.float16   0.626
#   torch.bfloat16  0.000
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q torch==2.13.0 numpy
env/bin/python - <<'PYTHON'
import torch

expected = {torch.float32: 0.950, torch.float16: 0.626, torch.bfloat16: 0.0}
for dtype, state in expected.items():
    layer = torch.nn.GRU(1, 1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0[1] = torch.tensor(0.999 / 0.001).log()  # the update gate
        layer.bias_ih_l0[2] = 20.0  # the candidate
        found = layer.to(dtype)(torch.zeros(3000, 1, 1, dtype=dtype))[1].item()
    print(f"{dtype!s:15} {found:.3f}")
    assert abs(found - state) < 0.002, f"it was {state}"
PYTHON
