"""Makes the files of tensorflow_data with TensorFlow: ``TF_USE_LEGACY_KERAS=1 python make_tensorflow_files.py``.

It was run with tensorflow-cpu 2.21.0 and tf_keras 2.21.0, whose ``tf.compat.v1.nn.rnn_cell`` has TensorFlow 1's cells.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # pyright: ignore[reportMissingImports]

FOLDER = Path(__file__).with_name("tensorflow_data")
STEPS, BATCH, INPUTS = 5, 2, 3
CELLS = tf.nn.rnn_cell


def stacked(x: Any) -> dict[str, Any]:
    """Two cells on one another, the second with peepholes and a projection."""
    cells = CELLS.MultiRNNCell([CELLS.BasicLSTMCell(4), CELLS.LSTMCell(5, use_peepholes=True, num_proj=2)])
    return {"output": tf.nn.dynamic_rnn(cells, x, dtype=tf.float32)[0]}


def both(x: Any) -> dict[str, Any]:
    """GRUs in both directions, and a plain cell."""
    found = tf.nn.bidirectional_dynamic_rnn(CELLS.GRUCell(4), CELLS.GRUCell(4), x, dtype=tf.float32)[0]
    plain = tf.nn.dynamic_rnn(CELLS.BasicRNNCell(3), x, dtype=tf.float32, scope="plain")[0]
    return {"output": tf.concat(found, 2), "plain": plain}


def one_step(x: Any) -> dict[str, Any]:
    """A cell without a loop, for a frozen graph that is small."""
    with tf.variable_scope("decoder"):
        cell = CELLS.LSTMCell(4)
        return {"output": cell(x[:, 0], cell.zero_state(BATCH, tf.float32))[0][:, None]}


def make(name: str, build: Any, *, frozen: bool = False) -> None:
    """Write a network with random weights, and what it gives for random input."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(BATCH, STEPS, INPUTS)).round(3).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.constant(x) if not frozen else tf.placeholder(tf.float32, x.shape, "x")
        outputs = build(given)
        for variable in tf.global_variables():
            variable.load(draw.uniform(-0.8, 0.8, variable.shape).astype(np.float32), session)
        fed = {given: x} if frozen else {}
        expected = {key: session.run(it, fed).astype(float).round(7).tolist() for key, it in outputs.items()}
        if frozen:
            nodes = [outputs["output"].op.name]
            graph = tf.graph_util.convert_variables_to_constants(session, session.graph_def, nodes)
            (FOLDER / f"{name}.pb").write_bytes(graph.SerializeToString())
        else:
            tf.train.Saver().save(session, str(FOLDER / f"{name}.ckpt"), write_meta_graph=False, write_state=False)
    (FOLDER / f"{name}.json").write_text(
        json.dumps({"x": x.astype(float).round(3).tolist(), **expected}), encoding="utf-8"
    )


if __name__ == "__main__":
    tf.disable_eager_execution()
    FOLDER.mkdir(exist_ok=True)
    make("stacked", stacked)
    make("both", both)
    make("one_step", one_step, frozen=True)
