#!/usr/bin/env bash
# onnxruntime 1.31.1 (CPU), onnx 1.23.2, numpy 2.4.6 (Python 3.11).
#
# An RNN node with the activation ThresholdedRelu and no activation_alpha: ONNX Runtime takes 0 for alpha, so it is a plain
# Relu. ONNX says of these attributes that a value that is not given is that of the operator of the same name, which is 1;
# the operator ThresholdedRelu itself, in the same runtime, does take 1. LeakyRelu, HardSigmoid and Elu have their defaults.
#
# The good guess that is wrong: since LeakyRelu's default works (the one that ONNX names as its example), the others do.
#
# Seen, for the inputs 0.5 and 2:
#   ThresholdedRelu in RNN, nothing given   [0.5 2. ]
#   ThresholdedRelu in RNN, alpha=1         [0. 2.]
#   ThresholdedRelu, the operator           [0. 2.]
#   LeakyRelu in RNN, -0.5 and -2           [-0.005 -0.02 ]
#   LeakyRelu, the operator, -0.5 and -2    [-0.005 -0.02 ]
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


def run(node, output_shape, x, **constants):
    """Return the output of a model of one node for x (1 step, 2 rows, 1 number)."""
    kept = [numpy_helper.from_array(np.array(it, np.float32), name) for name, it in constants.items()]
    ends = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, 2, 1])]
    ends += [helper.make_tensor_value_info("Y", TensorProto.FLOAT, output_shape)]
    graph = helper.make_graph([node], "one_node", ends[:1], ends[1:], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": np.array(x, np.float32).reshape(1, 2, 1)})[0].ravel()


def in_rnn(name, x, **attributes):
    """Return the activation of an RNN of one unit with an input weight of 1, a recurrent weight of 0 and no bias."""
    node = helper.make_node("RNN", ["X", "W", "R"], ["Y"], hidden_size=1, activations=[name], **attributes)
    return run(node, [1, 1, 2, 1], x, W=[[[1]]], R=[[[0]]])


def alone(name, x):
    """Return the operator's own result."""
    return run(helper.make_node(name, ["X"], ["Y"]), [1, 2, 1], x)


x = [0.5, 2.0]
seen = {
    "ThresholdedRelu in RNN, nothing given": in_rnn("ThresholdedRelu", x),
    "ThresholdedRelu in RNN, alpha=1": in_rnn("ThresholdedRelu", x, activation_alpha=[1.0]),
    "ThresholdedRelu, the operator": alone("ThresholdedRelu", x),
    "LeakyRelu in RNN, -0.5 and -2": in_rnn("LeakyRelu", [-0.5, -2.0]),
    "LeakyRelu, the operator, -0.5 and -2": alone("LeakyRelu", [-0.5, -2.0]),
}
for name, values in seen.items():
    print(f"{name:38}  {values}")
nothing, one, operator, leaky_in_rnn, leaky = seen.values()
assert np.array_equal(nothing, [0.5, 2]), nothing
assert np.array_equal(one, [0, 2]), one
assert np.array_equal(operator, [0, 2]), operator
assert np.allclose(leaky_in_rnn, leaky), leaky_in_rnn
PYTHON
env/bin/python show.py
