"""Cells for series whose steps are not equally far apart: the elapsed time is a mask, given at every step.

Its default value, 1, is that of a regular series, for which these are cells like any other.
"""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import exp, log, minimum, relu, sigmoid, tanh, where
from tidegate.cells.language.step import Step


@cell(
    gates="f g k",
    states="h",
    masks="dt=1",
    paper="Hasani et al. 2022, Closed-form Continuous-time Neural Networks",
    convention="f decays, as in the paper's equation; the authors' code has σ(a dt + b) with two heads in its place; "
    "the heads are linear, and layers before this one are the backbone; dt is the time since the step before",
)
def cfc(x: Any, r: Any, m: Any) -> Step:
    """The closed-form continuous-time network: a gate of the elapsed time passes from one head to another.

    ::

        f_t = W_f x_t + U_f h_{t-1} + b_f
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)      where a short time leads
        k_t = tanh(W_k x_t + U_k h_{t-1} + b_k)      where a long time leads
        gate_t = σ(-f_t ⊙ dt_t)
        h_t = gate_t ⊙ g_t + (1 - gate_t) ⊙ k_t
    """
    f, g, k = x.f + r.f, tanh(x.g + r.g), tanh(x.k + r.k)
    gate = sigmoid(-f * m.dt)
    h = gate * g + (1 - gate) * k
    return Step(h=h, gates=dict(f=f, g=g, k=k, gate=gate))


@cell(
    gates="i f g o d",
    states="h c",
    masks="dt=1",
    paper="Baytas et al. 2017, Patient Subtyping via Time-Aware LSTM Networks",
    convention="the decay is 1 / log(e + dt), the paper's for long times (for short ones it has 1 / dt); dt is the "
    "time since the step before",
)
def time_lstm(x: Any, r: Any, s: Any, m: Any) -> Step:
    """The time-aware LSTM: the short-term part of its memory is discounted by the elapsed time.

    ::

        short_t = tanh(U_d c_{t-1} + b'_d)
        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
        c_t = f_t ⊙ (c_{t-1} - short_t + short_t / log(2.71828 + dt_t)) + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)
    """
    short = tanh(r("d", s.c))
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    c = f * (s.c - short + short / log(2.718281828459045 + m.dt)) + i * g
    return Step(h=o * tanh(c), c=c, gates=dict(short=short, i=i, f=f, g=g, o=o))


@cell(
    gates="r z n",
    states="h",
    masks="decay=0",
    paper="Che et al. 2018, Recurrent Neural Networks for Multivariate Time Series with Missing Values",
    convention="z lets the new in, reset before the product; x_t is the paper's imputed input beside the mask of what "
    "was observed, and decay_t its W_γ δ_t + b_γ of the times δ_t since each was: examples/missing_values.py has both",
)
def gru_d(x: Any, r: Any, s: Any, m: Any) -> Step:
    """The GRU with decay: the hidden state fades with the time since each input was observed.

    ::

        kept_t = exp(-relu(decay_t)) ⊙ h_{t-1}
        r_t = σ(W_r x_t + U_r kept_t + b_r)
        z_t = σ(W_z x_t + U_z kept_t + b_z)
        n_t = tanh(W_n x_t + U_n (r_t ⊙ kept_t) + b_n)
        h_t = (1 - z_t) ⊙ kept_t + z_t ⊙ n_t
    """
    kept = exp(-relu(m.decay)) * s.h
    reset, z = sigmoid(x.r + r("r", kept)), sigmoid(x.z + r("z", kept))
    n = tanh(x.n + r("n", reset * kept))
    h = (1 - z) * kept + z * n
    return Step(h=h, gates=dict(kept=kept, r=reset, z=z, n=n))


@cell(
    gates="i f g o",
    states="h c time",
    parameters="p_i p_f p_o log_period=0..3 shift=0..1 ratio=0.05",
    masks="dt=1",
    paper="Neil, Pfeiffer & Liu 2016, Phased LSTM",
    convention="with the peepholes of the paper's equations; the time is a state, the sum of the times dt since the "
    "step before; the period is exp(log_period), of which shift and ratio are fractions; the leak is 0.001",
)
def phased_lstm(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    """The LSTM with a time gate k: each hidden unit opens for a part of its own period, and keeps its state otherwise.

    ::

        time_t = time_{t-1} + dt_t
        phase_t = mod(time_t / exp(log_period) - shift, 1)
        k_t = where(phase_t < ratio, 2 min(phase_t / ratio, 1 - phase_t / ratio), 0.001 phase_t)
        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        new_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ new_t + b_o)
        h_t = k_t ⊙ o_t ⊙ tanh(new_t) + (1 - k_t) ⊙ h_{t-1}
        c_t = k_t ⊙ new_t + (1 - k_t) ⊙ c_{t-1}
    """
    time = s.time + m.dt
    phase = (time / exp(p.log_period) - p.shift) % 1
    k = where(phase < p.ratio, 2 * minimum(phase / p.ratio, 1 - phase / p.ratio), 0.001 * phase)
    i, f = sigmoid(x.i + r.i + p.p_i * s.c), sigmoid(x.f + r.f + p.p_f * s.c)
    g = tanh(x.g + r.g)
    new = f * s.c + i * g
    o = sigmoid(x.o + r.o + p.p_o * new)
    h = k * o * tanh(new) + (1 - k) * s.h
    c = k * new + (1 - k) * s.c
    return Step(h=h, c=c, time=time, gates=dict(phase=phase, k=k, i=i, f=f, g=g, new=new, o=o))
