"""The scalar LSTM of xLSTM: exponential gates."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import exp, maximum, sigmoid, softplus, tanh, where
from tidegate.cells.language.step import Step


@cell(
    gates="i f z o",
    states="h c n m",
    paper="Beck et al. 2024, xLSTM: Extended Long Short-Term Memory (sLSTM)",
    convention="the forget gate is a sigmoid, the paper's first choice; c and n are divided by exp(m), which changes "
    "no output; where n is 0 (at the beginning and after a reset) m is the input gate's, as in the authors' code; "
    "heads are an option of the layer, Recurrent('slstm', ..., heads=4)",
)
def slstm(x: Any, r: Any, s: Any) -> Step:
    """The sLSTM: an exponential input gate, a normaliser n, and a stabiliser m that keeps both in range.

    ::

        log_i_t = W_i x_t + U_i h_{t-1} + b_i
        log_f_t = -softplus(-(W_f x_t + U_f h_{t-1} + b_f))                   log σ of it
        z_t = tanh(W_z x_t + U_z h_{t-1} + b_z)                               new memory
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
        kept_t = where(0 < n_{t-1}, log_f_t + m_{t-1}, log_i_t)
        m_t = max(kept_t, log_i_t)                                            stabiliser
        i_t = exp(log_i_t - m_t)
        f_t = exp(kept_t - m_t)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ z_t                                       cell state
        n_t = f_t ⊙ n_{t-1} + i_t                                             normaliser
        h_t = o_t ⊙ c_t / n_t
    """
    log_i, log_f = x.i + r.i, -softplus(-(x.f + r.f))
    z, o = tanh(x.z + r.z), sigmoid(x.o + r.o)
    kept = where(s.n > 0, log_f + s.m, log_i)
    m = maximum(kept, log_i)
    i, f = exp(log_i - m), exp(kept - m)
    c, n = f * s.c + i * z, f * s.n + i
    h = o * c / n
    return Step(h=h, c=c, n=n, m=m, gates=dict(log_i=log_i, log_f=log_f, z=z, o=o, kept=kept, i=i, f=f))
