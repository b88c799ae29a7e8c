#!/usr/bin/env bash
# torch 2.13.0 (CPU).
#
# torch.optim.ASGD(lambd=0, alpha=0, t0=0), which is to average the parameters from the first step on: after seven steps
# state[p]["ax"] is the mean of the last six iterates. A step weights its iterate with the mu that the step before it left
# behind, 1 / max(1, step - t0) of that step, so it is 1 in the first two steps, and the second overwrites the first.
#
# The good guess that is wrong: with t0=0 "ax" is the mean of all iterates since the optimizer was made. Switched to at a
# trigger, as for AWD-LSTM, with t0=0, the average leaves out the first iterate; and in double precision it is only exact to
# about 1e-8, since mu is kept as float32.
#
# Seen:
#   difference of ax from the mean of all 7 iterates: 0.185, of the last 6: 7.77e-09
#   mu left behind by each step: 1 0.5 0.333 0.25 0.2 0.167 0.143 torch.float32
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q torch==2.13.0 numpy
cat > show.py <<'PYTHON'
import torch

torch.manual_seed(0)
p = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
optimizer = torch.optim.ASGD([p], lr=0.1, lambd=0.0, alpha=0.0, t0=0)
iterates, weights = [], []
for _ in range(7):
    optimizer.zero_grad()
    ((p - 1) ** 2).sum().backward()
    optimizer.step()
    iterates.append(p.detach().clone())
    weights.append(float(optimizer.state[p]["mu"]))
ax = optimizer.state[p]["ax"]
first, rest = (float((ax - torch.stack(it).mean(0)).abs().max()) for it in (iterates, iterates[1:]))
print(f"difference of ax from the mean of all 7 iterates: {first:.3g}, of the last 6: {rest:.3g}")
print("mu left behind by each step:", *(f"{it:.3g}" for it in weights), optimizer.state[p]["mu"].dtype)
raise SystemExit(not (first > 1e-3 and rest < 1e-6))
PYTHON
env/bin/python show.py
