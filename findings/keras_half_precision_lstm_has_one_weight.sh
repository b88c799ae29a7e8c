#!/usr/bin/env bash
# keras 3.15.1 with the torch backend, torch 2.13.0 (CPU; Python 3.11).
#
# A Sequential model with keras.layers.LSTM(4, dtype="bfloat16") or "float16" says that it is built, has one weight of the
# layer's three, counts 48 parameters for 128, and is saved and loaded without a warning: the .keras file holds the kernel
# alone. Only a call fails, and it names a missing attribute. (The recurrent kernel's orthogonal initializer needs a QR
# decomposition that there is not in half precision; its NotImplementedError is caught on the way, and the model counts as
# built. With dtype="mixed_bfloat16" all is well: the weights are float32.)
#
# The good guess that is wrong: a model that is built, summarized, saved and loaded has all its weights.
#
# Seen:
#   float32   built True  3 weights, 128 parameters; loaded: 3 weights; in the file: (3, 16) (4, 16) (16,); called
#   bfloat16  built True  1 weights, 48 parameters; loaded: 1 weights; in the file: (3, 16); AttributeError
#   float16   built True  1 weights, 48 parameters; loaded: 1 weights; in the file: (3, 16); AttributeError
#   warnings: 0
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 keras==3.15.1 numpy==2.4.6 h5py==3.14.0
cat > show.py <<'PYTHON'
import io
import warnings
import zipfile

import h5py
import numpy as np

import keras


def shapes(path):
    """Return the shapes of the arrays in a .keras file."""
    found = []
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda _, it: found.append(it.shape) if isinstance(it, h5py.Dataset) else None)
    return found


seen = {}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for dtype in ("float32", "bfloat16", "float16"):
        model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4, dtype=dtype)])
        weights, parameters = len(model.weights), model.count_params()
        model.save("model.keras")
        loaded = keras.saving.load_model("model.keras")
        try:
            loaded(np.ones((1, 5, 3), np.float32))
            called = "called"
        except AttributeError as error:
            called = type(error).__name__
        seen[dtype] = model.built, weights, parameters, len(loaded.weights), shapes("model.keras"), called
about_weights = [it for it in warned if "weight" in str(it.message) or "nitializ" in str(it.message)]
for dtype, (built, weights, parameters, again, kept, called) in seen.items():
    print(
        f"{dtype:8}  built {built}  {weights} weights, {parameters} parameters; loaded: {again} weights; "
        f"in the file: {' '.join(map(str, kept))}; {called}"
    )
print("warnings:", len(about_weights))
assert seen["float32"] == (True, 3, 128, 3, [(3, 16), (4, 16), (16,)], "called")
assert seen["bfloat16"] == seen["float16"] == (True, 1, 48, 1, [(3, 16)], "AttributeError")
assert not about_weights
PYTHON
KERAS_BACKEND=torch env/bin/python show.py
