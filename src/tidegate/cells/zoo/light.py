"""Light cells: the LSTM with only a forget gate, the GRU without a reset gate, gates without a recurrent product."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import relu, sigmoid, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="f n",
    states="h",
    paper="van der Westhuizen & Lasenby 2018, The Unreasonable Effectiveness of the Forget Gate",
    convention="β = 1, as in the paper; with β = 0 it is ugrnn; "
    "the paper's chrono initialisation of b_f is left to the user",
)
def janet(x: Any, r: Any, s: Any) -> Step:
    """JANET (just another network): the LSTM with only the forget gate.

    ::

        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)          forget gate
        i_t = 1 - σ(W_f x_t + U_f h_{t-1} + b_f - 1)  input gate
        n_t = tanh(W_n x_t + U_n h_{t-1} + b_n)
        h_t = f_t ⊙ h_{t-1} + i_t ⊙ n_t
    """
    before = x.f + r.f
    f, i = sigmoid(before), 1 - sigmoid(before - 1)
    n = tanh(x.n + r.n)
    h = f * s.h + i * n
    return Step(h=h, gates=dict(f=f, i=i, n=n))


@cell(
    gates="z n",
    states="h",
    paper="Ravanelli et al. 2018, Light Gated Recurrent Units for Speech Recognition",
    convention="z keeps the past; without the paper's batch norm of W_k x_t, for which normalise W x outside and make "
    "it the input, with the identity as weight_ih",
)
def li_gru(x: Any, r: Any, s: Any) -> Step:
    """The light GRU: no reset gate, and relu instead of tanh.

    ::

        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
        n_t = relu(W_n x_t + U_n h_{t-1} + b_n)
        h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ n_t

    The paper applies batch normalisation to W_z x_t and W_n x_t, which is not expressible in a cell: its equations are
    of one sequence. The shift of the batch norm is b_k; after training, its scale and mean can be folded into W_k and
    b_k.
    """
    z = sigmoid(x.z + r.z)
    n = relu(x.n + r.n)
    h = z * s.h + (1 - z) * n
    return Step(h=h, gates=dict(z=z, n=n))


@cell(
    gates="n f r h",
    states="h c",
    parameters="v_f v_r b_f=0 b_r=0",
    bias=False,
    paper="Lei et al. 2018, Simple Recurrent Units for Highly Parallelizable Recurrence",
    convention="f keeps the past; the highway goes through W_h, as in the authors' code where input and output differ "
    "in size: the identity is the paper's; without the paper's scale of the highway, which W_h can hold",
)
def sru(x: Any, s: Any, p: Any) -> Step:
    """The simple recurrent unit: each hidden unit sees only its own past; a highway bypasses the recurrence.

    ::

        n_t = W_n x_t
        f_t = σ(W_f x_t + v_f ⊙ c_{t-1} + b_f)      forget gate
        c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ n_t
        r_t = σ(W_r x_t + v_r ⊙ c_{t-1} + b_r)      reset gate: opens the highway
        h_t = r_t ⊙ c_t + (1 - r_t) ⊙ (W_h x_t)
    """
    n = x.n
    f, reset = sigmoid(x.f + p.v_f * s.c + p.b_f), sigmoid(x.r + p.v_r * s.c + p.b_r)
    c = f * s.c + (1 - f) * n
    h = reset * c + (1 - reset) * x.h
    return Step(h=h, c=c, gates=dict(n=n, f=f, r=reset))
