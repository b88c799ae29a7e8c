#!/usr/bin/env bash
# torch 2.13.0 (CPU).
#
# torch.nn.AdaptiveLogSoftmaxWithLoss: the weights of a cluster that no target of the batch belongs to have the gradient None
# after backward, not zero. AdamW then makes no state for them and does not decay them in that step.
#
# The good guess that is wrong: every parameter of the module takes part in every loss, so after a backward all have a
# gradient, as those of a full softmax have; a checkpoint has moments for each parameter after the first step, and
# DistributedDataParallel needs no find_unused_parameters.
#
# Seen:
#   head.weight: gradient   tail.0.0.weight: None   tail.0.1.weight: None   tail.1.0.weight: gradient   tail.1.1.weight: gradient
#   parameters with state in AdamW after a step: 3 of 5
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q torch==2.13.0 numpy
cat > show.py <<'PYTHON'
import torch

torch.manual_seed(0)
layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 30, cutoffs=[10, 20])
optimizer = torch.optim.AdamW(layer.parameters())
layer(torch.randn(6, 8), torch.tensor([0, 3, 9, 21, 25, 29])).loss.backward()  # none from 10 to 19
print("   ".join(f"{n}: {'None' if p.grad is None else 'gradient'}" for n, p in layer.named_parameters()))
optimizer.step()
print(f"parameters with state in AdamW after a step: {len(optimizer.state)} of {len(list(layer.parameters()))}")
without = [n for n, p in layer.named_parameters() if p.grad is None]
raise SystemExit(without != ["tail.0.0.weight", "tail.0.1.weight"] or len(optimizer.state) != 3)
PYTHON
env/bin/python show.py
