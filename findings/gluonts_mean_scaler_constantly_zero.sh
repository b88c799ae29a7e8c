#!/usr/bin/env bash
# gluonts 0.17.0, torch 2.13.0 (CPU; Python 3.11).
#
# gluonts.torch.scaler.MeanScaler(default_scale=1.0), whose documentation calls default_scale the "default scale that is used
# for elements that are constantly zero": a series that was observed and is constantly zero has the scale 1e-10. The default
# is used where nothing was observed (so DeepAREstimator's documentation has it); without a default, the batch's scale.
#
# The good guess that is wrong: an article that was not sold in the window is given the default scale, as the scaler says, or
# else the batch's. Its scale is 1e-10, and whatever is divided by it that is not 0, an older sale for example, is 1e10
# times itself.
#
# Seen:
#                       default_scale=1.0   none
#   zeros, observed     1e-10               1e-10
#   zeros, unobserved   1                   1.25
#   1 2 3 4, observed   2.5                 2.5
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 "gluonts[torch]==0.17.0"
cat > show.py <<'PYTHON'
import torch
from gluonts.torch.scaler import MeanScaler

assert "used for elements that are constantly zero" in " ".join(MeanScaler.__doc__.split())
series = torch.tensor([[0.0, 0, 0, 0], [0.0, 0, 0, 0], [1.0, 2, 3, 4], [0.0, 0, 0, 0]])
observed = torch.tensor([[1.0] * 4, [0.0] * 4, [1.0] * 4, [0.0] * 4])
names = ("zeros, observed", "zeros, unobserved", "1 2 3 4, observed")
scales = [MeanScaler(dim=1, keepdim=True, default_scale=it)(series, observed)[2].ravel() for it in (1.0, None)]
print(f"{'':19} default_scale=1.0   none")
for name, with_default, without in zip(names, *scales, strict=False):
    print(f"{name:19} {with_default:<18.3g}  {without:.3g}")
given, none = scales
assert given[0] < 1e-9 and none[0] < 1e-9
assert given[1] == 1 and none[1] == 1.25
assert given[2] == none[2] == 2.5
PYTHON
env/bin/python -W ignore show.py
