#!/usr/bin/env bash
# onnxruntime 1.31.1 (CPU), onnx 1.23.2, numpy.
#
# session.run_with_iobinding(binding, ort.RunOptions()) takes several times as long as session.run_with_iobinding(binding)
# and longer than session.run, which copies: with options, even empty ones, Python's wrapper does tens of microseconds of
# work at every call. The same options given to the session below the wrapper cost nothing.
#
# The good guess that is wrong: options made once and left as they are are free, and binding is never slower than run.
#
# Seen (microseconds a call; another machine has others, their order is tested):
#   run 4, binding 2, binding and options 24, binding and options below the wrapper 2
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet onnxruntime==1.31.1 onnx==1.23.2 numpy
cat > show.py <<'PY'
import statistics
import time

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16]) for name in ("x", "y")]
graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "small", values[:1], values[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
settings = ort.SessionOptions()
settings.intra_op_num_threads = 1
session = ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
x = np.zeros((1, 16), np.float32)
binding, options = session.io_binding(), ort.RunOptions()
binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(x))
binding.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_numpy(np.zeros((1, 16), np.float32)))
calls = {
    "run": lambda: session.run(None, {"x": x}),
    "binding": lambda: session.run_with_iobinding(binding),
    "binding and options": lambda: session.run_with_iobinding(binding, options),
    "binding and options below the wrapper": lambda: session._sess.run_with_iobinding(binding._iobinding, options),
}
times = {name: [] for name in calls}
for _ in range(9):
    for name, call in calls.items():
        start = time.process_time()
        for _ in range(2000):
            call()
        times[name].append((time.process_time() - start) / 2000 * 1e6)
found = {name: statistics.median(it) for name, it in times.items()}
print(", ".join(f"{name} {it:.0f}" for name, it in found.items()))
assert found["binding"] < found["run"], found
assert found["binding and options"] > 2 * max(found["binding"], found["run"]), found
assert found["binding and options below the wrapper"] < 1.5 * found["binding"], found
PY
env/bin/python show.py
