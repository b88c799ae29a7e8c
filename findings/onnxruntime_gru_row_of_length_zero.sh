#!/usr/bin/env bash
# onnxruntime 1.31.1 (CPU), onnx 1.23.2, numpy 2.4.6 (Python 3.11).
#
# RNN, GRU and LSTM with sequence_lens and an initial state: a row of length 0 ends in the state 0. Its initial state is
# gone, without a message; the other rows of the batch go on from theirs.
#
# The good guess that is wrong: a sequence of no steps leaves the state where it was, as it is with the row of length 1 after
# that step. A server that batches streams, where one has nothing new in a round, makes that stream forget all it heard.
# (torch refuses a length of 0 in words.)
#
# Seen, for initial states of 1 (LSTM: h and c) and lengths 2 and 0:
#   RNN   Y_h: row of 2 steps [-0.82  0.93  0.96], row of none [0. 0. 0.]
#   GRU   Y_h: row of 2 steps [ 0.66  0.97 -0.91], row of none [0. 0. 0.]
#   LSTM  Y_h: row of 2 steps [ 0.33  0.46 -0.23], row of none [0. 0. 0.]
#   LSTM  Y_c: row of 2 steps [ 0.55  0.56 -0.47], row of none [0. 0. 0.]
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper

STEPS, BATCH, INPUTS, UNITS = 2, 2, 4, 3
np.set_printoptions(precision=2, suppress=True)
for operator, gates in {"RNN": 1, "GRU": 3, "LSTM": 4}.items():
    made, rows = np.random.default_rng(0), gates * UNITS
    shapes = {"X": (STEPS, BATCH, INPUTS), "W": (1, rows, INPUTS), "R": (1, rows, UNITS), "B": (1, 2 * rows)}
    feeds = {name: made.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    feeds["lengths"] = np.array([2, 0], np.int32)
    states = ["h", "c"] if operator == "LSTM" else ["h"]
    feeds |= {name: np.ones((1, BATCH, UNITS), np.float32) for name in states}
    kinds = {name: TensorProto.INT32 if name == "lengths" else TensorProto.FLOAT for name in feeds}
    given = [helper.make_tensor_value_info(name, kinds[name], it.shape) for name, it in feeds.items()]
    last = [f"Y_{name}" for name in states]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, BATCH, UNITS]) for name in last]
    node = helper.make_node(operator, list(feeds), ["", *last], hidden_size=UNITS)
    model = helper.make_model(
        helper.make_graph([node], "one_node", given, ends), opset_imports=[helper.make_opsetid("", 22)], ir_version=10
    )
    checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for name, state in zip(last, session.run(None, feeds), strict=True):
        print(f"{operator:4}  {name}: row of 2 steps {state[0, 0]}, row of none {state[0, 1]}")
        assert state[0, 0].all() and not state[0, 1].any()
PYTHON
env/bin/python show.py
