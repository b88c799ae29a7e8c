"""The gated recurrent unit: two places for the reset gate, two conventions for the update gate.

* Where r acts: on the product, ``r ⊙ (U_n h + b')`` (torch, cuDNN, Keras ``reset_after=True``), or on the state
  before it, ``U_n (r ⊙ h)`` (the papers).
* What z means: z keeps the past (Cho 2014, torch), or z lets the new in (Chung 2014, many lecture notes).
  Since 1 - σ(a) = σ(-a), the two are the same function with negated weights and biases of gate z:
  `tidegate.engine.negate_gate` converts exactly.
"""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import sigmoid, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="r z n",
    states="h",
    paper="Cho et al. 2014; the reset after the product: cuDNN 5, 2016",
    convention="reset after the product, z keeps the past, gates stacked r z n: as torch; Keras and ONNX stack z r h",
)
def gru(x: Any, r: Any, s: Any) -> Step:
    """The GRU of torch and cuDNN.

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                    reset gate
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                    update gate: keeps the past
        n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b'_n))  new state
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
    """
    reset, z = sigmoid(x.r + r.r), sigmoid(x.z + r.z)
    n = tanh(x.n + reset * r.n)
    h = (1 - z) * n + z * s.h
    return Step(h=h, gates=dict(r=reset, z=z, n=n))


@cell(
    gates="r z n",
    states="h",
    paper="Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder",
    convention="reset before the product, z keeps the past; Keras reset_after=False, ONNX linear_before_reset=0",
)
def gru_original(x: Any, r: Any, s: Any) -> Step:
    """The GRU as first published.

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
        n_t = tanh(W_n x_t + U_n (r_t ⊙ h_{t-1}) + b_n)
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
    """
    reset, z = sigmoid(x.r + r.r), sigmoid(x.z + r.z)
    n = tanh(x.n + r("n", reset * s.h))
    h = (1 - z) * n + z * s.h
    return Step(h=h, gates=dict(r=reset, z=z, n=n))


@cell(
    gates="r z n",
    states="h",
    paper="cuDNN 5, 2016, with the update gate of Chung et al. 2014",
    convention="reset after the product, z lets the new in",
)
def gru_z_new(x: Any, r: Any, s: Any) -> Step:
    """The GRU of torch with the other convention for z.

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                    update gate: lets the new in
        n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b'_n))
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t
    """
    reset, z = sigmoid(x.r + r.r), sigmoid(x.z + r.z)
    n = tanh(x.n + reset * r.n)
    h = (1 - z) * s.h + z * n
    return Step(h=h, gates=dict(r=reset, z=z, n=n))


@cell(
    gates="r z n",
    states="h",
    paper="Chung et al. 2014, Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling",
    convention="reset before the product, z lets the new in",
)
def gru_original_z_new(x: Any, r: Any, s: Any) -> Step:
    """The GRU of Chung et al. 2014.

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
        n_t = tanh(W_n x_t + U_n (r_t ⊙ h_{t-1}) + b_n)
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t
    """
    reset, z = sigmoid(x.r + r.r), sigmoid(x.z + r.z)
    n = tanh(x.n + r("n", reset * s.h))
    h = (1 - z) * s.h + z * n
    return Step(h=h, gates=dict(r=reset, z=z, n=n))
