#!/usr/bin/env bash
# torch 2.13.0 (CPU), onnx 1.23.2, onnxscript 0.7.2, onnx-ir 1.1.0.
#
# torch.onnx.export(dynamo=True) of a Linear over a transposed input, with a named batch axis and an example of one
# sequence, writes a file whose batch is fixed to 1, without an error: torch.export.export refuses the very same request
# ("Constraints violated (batch)"), and the exporter takes the fix that this error suggests and exports again. With an
# example of two sequences, or with Dim.DYNAMIC in place of the name, the batch is free.
#
# The good guess that is wrong: an axis that was given a name is free in the file, or the export fails.
#
# Seen:
#   example of 1, named: time x 1 x 3
#   example of 2, named: time x batch x 3
#   example of 1, DYNAMIC: free x free x 3
#   torch.export, example of 1, named: UserError
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 numpy
cat > show.py <<'PY'
import logging
import warnings

import torch
from torch.export import Dim

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


class Turned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)

    def forward(self, x):
        return self.linear(x.transpose(0, 1))


def shape(batch, time, sequences, named=True):
    example = (torch.zeros(5, batch, 3),)
    made = torch.onnx.export(
        Turned().eval(), example, dynamo=True, dynamic_shapes=({0: time, 1: sequences},), verbose=False
    )
    dims = made.model_proto.graph.input[0].type.tensor_type.shape.dim
    return " x ".join(str((d.dim_param if named else "free") if d.dim_param else d.dim_value) for d in dims)


print("example of 1, named:", shape(1, Dim("time"), Dim("batch")))
print("example of 2, named:", shape(2, Dim("time"), Dim("batch")))
print("example of 1, DYNAMIC:", shape(1, Dim.DYNAMIC, Dim.DYNAMIC, named=False))
try:
    torch.export.export(Turned(), (torch.zeros(5, 1, 3),), dynamic_shapes=({0: Dim("time"), 1: Dim("batch")},))
    print("torch.export, example of 1, named: exported")
except Exception as error:
    print("torch.export, example of 1, named:", type(error).__name__)
PY
env/bin/python show.py 2> /dev/null > seen.txt
cat seen.txt
cat > expected.txt <<'TEXT'
example of 1, named: time x 1 x 3
example of 2, named: time x batch x 3
example of 1, DYNAMIC: free x free x 3
torch.export, example of 1, named: UserError
TEXT
diff expected.txt seen.txt
