"""The simple recurrent network.

Elman, J. L. (1990), *Finding structure in time*, Cognitive Science 14: a figure, no formula. The formula is the one
that Chung et al. (2014), *Empirical evaluation of gated recurrent neural networks on sequence modeling*, give as
equation (2),

    h_t = g(W x_t + U h_{t-1}),

with a bias, and with g = tanh or g = relu.

IndRNN: Li, S. et al. (2018), *Independently recurrent neural network*, gives every unit one recurrent weight u,

    h_t = relu(W x_t + u * h_{t-1} + b).
"""

from tests.witnesses.paper import Paper, relu, tanh


def _rnn_tanh(x, s, w):
    h = tanh(w["W_h"] @ x + w["U_h"] @ s["h"] + w["b_h"])
    return {"h": h}, {}


def _rnn_relu(x, s, w):
    h = relu(w["W_h"] @ x + w["U_h"] @ s["h"] + w["b_h"])
    return {"h": h}, {}


def _indrnn(x, s, w):
    h = relu(w["W_h"] @ x + w["u"] * s["h"] + w["b_h"])
    return {"h": h}, {}


rnn_tanh = Paper("rnn_tanh", _rnn_tanh, inputs=("h",), recurrent=("h",), states=("h",), gates=())
rnn_relu = Paper("rnn_relu", _rnn_relu, inputs=("h",), recurrent=("h",), states=("h",), gates=())
indrnn = Paper("indrnn", _indrnn, inputs=("h",), recurrent=(), states=("h",), gates=(), parameters=("u",))
