#!/usr/bin/env bash
# torch 2.13.0 (CPU), onnx 1.23.2, onnxscript 0.7.2, onnx-ir 1.1.0, onnxruntime 1.31.1 (Python 3.11).
#
# torch.onnx.export (dynamo=True, the default) of torch.nn.LSTM or GRU in its own layout, time x batch x features, with time
# and batch named and an example of 5 steps, writes a file that takes any number of steps and returns 5: of 10 steps of 2
# sequences it makes 5 steps of 4. Nothing is raised where the numbers divide; elsewhere a Reshape fails. The same call once
# more in the same process writes another file, whose time is fixed to 5 at the input as well. A layer with
# batch_first=True, exported first, is right at every length.
#
# The good guess that is wrong: an axis that was named and that the file declares with its name is free, or the export
# fails; and an export does not depend on what was exported before.
#
# Seen:
#   LSTM, time first   input time x batch x 3   10 x 2 come out as 5 x 4
#   the same again     input 5 x batch x 3      10 x 2 refused: InvalidArgument
#   LSTM, batch first  input batch x time x 3   2 x 10 come out as 2 x 10
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 \
    onnxruntime==1.31.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import sys

import numpy as np
import onnxruntime as ort
import torch


class Outputs(torch.nn.Module):
    """A layer's outputs without its states."""

    def __init__(self, batch_first):
        super().__init__()
        self.layer = torch.nn.LSTM(3, 4, batch_first=batch_first)

    def forward(self, x):
        return self.layer(x)[0]


def show(note, batch_first):
    """Export with 5 steps of 2 sequences, run with 10 of 2, and return the input's axes and the output's shape."""
    names = ("batch", "time") if batch_first else ("time", "batch")
    axes = {place: torch.export.Dim(name) for place, name in enumerate(names)}
    example = torch.zeros((2, 5, 3) if batch_first else (5, 2, 3))
    model = torch.onnx.export(Outputs(batch_first).eval(), (example,), dynamo=True, dynamic_shapes=(axes,), verbose=False)
    session = ort.InferenceSession(model.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    declared = " x ".join(map(str, session.get_inputs()[0].shape))
    x = np.zeros((2, 10, 3) if batch_first else (10, 2, 3), np.float32)
    try:
        shape = session.run(None, {"x": x})[0].shape
        result = f"come out as {shape[0]} x {shape[1]}"
    except Exception as error:
        shape, result = None, f"refused: {type(error).__name__}"
    print(f"{note:18} input {declared:18} {x.shape[0]} x {x.shape[1]} {result}")
    return declared, shape


if sys.argv[1] == "time":
    first, again = show("LSTM, time first", False), show("the same again", False)
    assert first == ("time x batch x 3", (5, 4, 4)), first
    assert again == ("5 x batch x 3", None), again
else:
    batch_first = show("LSTM, batch first", True)
    assert batch_first == ("batch x time x 3", (2, 10, 4)), batch_first
PYTHON
for first in time batch; do env/bin/python -W ignore show.py "$first" 2> messages || { cat messages; exit 1; }; done
