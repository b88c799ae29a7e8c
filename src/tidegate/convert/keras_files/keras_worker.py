"""Runs recurrent layers of Keras in a process of its own, where nothing of a file is imported or run.

``python keras_worker.py FOLDER`` reads FOLDER/layers.json (class, settings, number of arrays) and FOLDER/arrays.npz
(``0_x``, ``0_0`` ...), and writes FOLDER/outputs.npz. It needs Keras 3 with PyTorch, and NumPy.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Run the layers of a folder."""
    os.environ["KERAS_BACKEND"] = "torch"  # read when Keras is imported
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import keras  # pyright: ignore[reportMissingImports]

    classes = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "SimpleRNN": keras.layers.SimpleRNN}
    outputs = {}
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        for n, given in enumerate(json.loads((folder / "layers.json").read_text(encoding="utf-8"))):
            layer = classes[given["kind"]](**given["settings"], return_sequences=True, dtype="float64")
            if given["both"]:
                layer = keras.layers.Bidirectional(layer, merge_mode="concat", dtype="float64")
            x = arrays[f"{n}_x"]
            layer.build(x.shape)
            layer.set_weights([arrays[f"{n}_{k}"] for k in range(given["arrays"])])
            outputs[str(n)] = keras.ops.convert_to_numpy(layer(x))
    np.savez(folder / "outputs.npz", **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
