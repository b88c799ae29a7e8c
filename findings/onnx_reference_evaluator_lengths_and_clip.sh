#!/usr/bin/env bash
# onnx 1.23.2, onnxruntime 1.31.1 (CPU), numpy 2.4.6 (Python 3.11).
#
# onnx.reference.ReferenceEvaluator computes RNN, GRU and LSTM nodes as if they had no sequence_lens, no clip and no
# input_forget, and GRU and LSTM also as if they had no activations. onnx.checker finds no fault with the models, and the
# evaluator says nothing: its numbers are exactly those of the node without the input or the attribute. ONNX Runtime
# heeds them all.
#
# The good guess that is wrong: the evaluator that comes with the standard is the standard in slow, and what it can't do it
# refuses (as it does refuse RNN with Relu), so it may judge another runtime or an exporter with padded batches.
#
# Seen (largest difference of Y):
#                         the two runtimes  evaluator with and without
#   RNN                   0.00
#   RNN sequence_lens     1.00              0.00
#   RNN clip              0.79              0.00
#   GRU                   0.00
#   GRU sequence_lens     0.94              0.00
#   GRU clip              0.64              0.00
#   GRU activations       18.41             0.00
#   LSTM                  0.00
#   LSTM sequence_lens    0.43              0.00
#   LSTM clip             0.52              0.00
#   LSTM activations      16.67             0.00
#   LSTM input_forget     0.25              0.00
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

STEPS, BATCH, INPUTS, UNITS = 5, 2, 3, 4
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def outputs(operator, lengths=None, **attributes):
    """Return Y of a node as ONNX Runtime and as the evaluator compute it."""
    made, rows = np.random.default_rng(0), GATES[operator] * UNITS
    shapes = {"W": (1, rows, INPUTS), "R": (1, rows, UNITS), "B": (1, 2 * rows), "X": (STEPS, BATCH, INPUTS)}
    feeds = {name: made.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, it.shape) for name, it in feeds.items()]
    names = ["X", "W", "R", "B"]
    if lengths:
        feeds["lengths"] = np.array(lengths, np.int32)
        given.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [BATCH]))
        names.append("lengths")
    node = helper.make_node(operator, names, ["Y"], hidden_size=UNITS, **attributes)
    y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [STEPS, 1, BATCH, UNITS])
    graph = helper.make_graph([node], "one_node", given, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0], ReferenceEvaluator(model).run(None, feeds)[0]


cases = {
    "sequence_lens": {"lengths": [5, 2]},
    "clip": {"clip": 0.5},
    "activations": {"activations": ["Relu", "Tanh", "Tanh"]},
    "input_forget": {"input_forget": 1},
}
takes = {"RNN": ("sequence_lens", "clip"), "GRU": ("sequence_lens", "clip", "activations"), "LSTM": tuple(cases)}
for operator, names in takes.items():
    runtime, plain = outputs(operator)
    print(f"{operator:20}  {abs(runtime - plain).max():.2f}")
    assert abs(runtime - plain).max() < 1e-5
    for name in names:
        given = dict(cases[name])
        if name == "activations":
            given["activations"] = given["activations"][: GATES[operator] - 1]
        runtime, evaluator = outputs(operator, **given)
        apart, moved = abs(runtime - evaluator).max(), abs(evaluator - plain).max()
        print(f"{operator + ' ' + name:20}  {apart:<16.2f}  {moved:.2f}")
        assert apart > 0.1 and moved == 0
PYTHON
env/bin/python show.py
