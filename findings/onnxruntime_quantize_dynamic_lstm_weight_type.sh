#!/usr/bin/env bash
# onnxruntime 1.31.1 (CPU), onnx 1.23.2, numpy 2.4.6 (Python 3.11).
#
# onnxruntime.quantization.quantize_dynamic(..., weight_type=QuantType.QUInt8) of a model with an LSTM and a MatMul stores the
# MatMul's weights as uint8 and the LSTM's as int8: byte for byte the file has the same LSTM with QInt8 as with QUInt8. The
# layer's data type is written in the code, and nothing says that the option does not hold for it.
#
# The good guess that is wrong: weight_type holds for all weights of a file. A trial of both kinds, for the accuracy or the
# speed on some processor, then compares an LSTM with itself. (The option reduce_range does reach the LSTM.)
#
# Seen:
#   QInt8:  LSTM INT8, MatMul INT8
#   QUInt8: LSTM INT8, MatMul UINT8
#   LSTM's weights: the same bytes
#   QUInt8 and reduce_range: largest int8 of the LSTM's weights 64 of 127
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

STEPS, INPUTS, UNITS = 7, 16, 32
made = np.random.default_rng(0)
shapes = {"W": (1, 4 * UNITS, INPUTS), "R": (1, 4 * UNITS, UNITS), "M": (UNITS, 5)}
weights = [numpy_helper.from_array(made.standard_normal(it).astype(np.float32), name) for name, it in shapes.items()]
nodes = [
    helper.make_node("LSTM", ["X", "W", "R"], ["Y"], name="lstm", hidden_size=UNITS),
    helper.make_node("MatMul", ["Y", "M"], ["Z"], name="head"),
]
ends = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, 1, INPUTS])]
ends += [helper.make_tensor_value_info("Z", TensorProto.FLOAT, [STEPS, 1, 1, 5])]
graph = helper.make_graph(nodes, "lstm_and_head", ends[:1], ends[1:], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, "float.onnx")


def quantized(kind, **options):
    """Return the quantized weights by name."""
    quantize_dynamic("float.onnx", "small.onnx", weight_type=kind, **options)
    kept = onnx.load("small.onnx").graph.initializer
    return {it.name: numpy_helper.to_array(it) for it in kept if it.name.endswith("_quantized")}


signed, unsigned = quantized(QuantType.QInt8), quantized(QuantType.QUInt8)
for name, found in (("QInt8: ", signed), ("QUInt8:", unsigned)):
    print(f"{name} LSTM {str(found['R_quantized'].dtype).upper()}, MatMul {str(found['M_quantized'].dtype).upper()}")
same = all(np.array_equal(signed[name], unsigned[name]) for name in ("W_quantized", "R_quantized"))
print("LSTM's weights:", "the same bytes" if same else "other bytes")
reduced = int(abs(quantized(QuantType.QUInt8, reduce_range=True)["R_quantized"].astype(int)).max())
print(f"QUInt8 and reduce_range: largest int8 of the LSTM's weights {reduced} of 127")
assert signed["R_quantized"].dtype == signed["M_quantized"].dtype == unsigned["R_quantized"].dtype == np.int8
assert unsigned["M_quantized"].dtype == np.uint8 and same and reduced <= 64
PYTHON
env/bin/python show.py 2> messages || { cat messages; exit 1; }
! grep -iE "lstm|weight_type|int8" messages
