"""Features of the layers that torch.nn does not have: any cell, lengths, resets, traces, initialisation."""

import copy
import pickle
from typing import Any

import pytest
import torch
from tests.harness import GENERAL
from tests.witnesses import recent_ones_slow
from torch import Tensor
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import tidegate
from tidegate.cells import CELLS, Step, cell, gru, tanh
from tidegate.errors import ArgumentError, CellError
from tidegate.nn import GRU, LSTM, RNN, Recurrent


def as_tuple(state: Any) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else state


@pytest.mark.parametrize("name", recent_ones_slow(CELLS))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_cell_runs_in_layers_and_lengths_equal_running_each_sequence_alone(
    name: str, bidirectional: bool
) -> None:
    torch.manual_seed(0)
    layer = Recurrent(name, 3, 5, 2, bidirectional=bidirectional, batch_first=True, dtype=torch.float64)
    x, lengths = torch.randn(4, 6, 3, dtype=torch.float64), [6, 1, 4, 3]
    output, state = layer(x, lengths=lengths)
    assert output.shape == (4, 6, 5 * (1 + bidirectional))
    for k, length in enumerate(lengths):
        alone, alone_state = layer(x[k : k + 1, :length])
        torch.testing.assert_close(output[k : k + 1, :length], alone)
        assert not output[k, length:].any()
        for whole, own in zip(as_tuple(state), as_tuple(alone_state), strict=True):
            torch.testing.assert_close(whole[:, k : k + 1], own)


def test_recurrent_gru_equals_torch_gru_with_its_biases_folded() -> None:
    torch.manual_seed(0)
    ours, theirs = Recurrent("gru", 3, 5), torch.nn.GRU(3, 5)
    own = ours.state_dict()
    theirs.load_state_dict(
        {
            "weight_ih_l0": own["weight_ih_l0"],
            "weight_hh_l0": own["weight_hh_l0"],
            "bias_ih_l0": own["bias_l0"],
            "bias_hh_l0": torch.cat([torch.zeros(10), own["bias_hh_l0"]]),
        }
    )
    x = torch.randn(7, 2, 3)
    torch.testing.assert_close(ours(x), theirs(x))


def test_lengths_equal_packing() -> None:
    torch.manual_seed(0)
    layer = LSTM(3, 5, 2, bidirectional=True)
    x, lengths = torch.randn(6, 4, 3), torch.tensor([2, 6, 1, 4])
    output, state = layer(x, lengths=lengths)
    packed, packed_state = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    torch.testing.assert_close(output, pad_packed_sequence(packed)[0])
    torch.testing.assert_close(state, packed_state)


def test_zero_lengths_keep_the_initial_state_and_give_zeros() -> None:
    layer = GRU(3, 5, batch_first=True)
    h0 = torch.randn(1, 2, 5)
    output, h_n = layer(torch.randn(2, 4, 3), h0, lengths=torch.tensor([0, 4]))
    assert torch.equal(h_n[:, 0], h0[:, 0])
    assert not output[0].any()
    assert not torch.equal(h_n[:, 1], h0[:, 1])


@pytest.mark.parametrize("batch_first", [False, True])
def test_reset_starts_anew(batch_first: bool) -> None:
    torch.manual_seed(0)
    layer = LSTM(3, 5, bidirectional=True, batch_first=batch_first)
    x = torch.randn(2, 7, 3)
    reset = torch.zeros(2, 7, dtype=torch.bool)
    reset[:, 4] = True
    given = (x, reset) if batch_first else (x.transpose(0, 1), reset.transpose(0, 1))
    output, _ = layer(given[0], reset=given[1])
    output = output if batch_first else output.transpose(0, 1)
    time = 1 if batch_first else 0
    parts = [layer(part)[0] for part in given[0].split([4, 3], dim=time)]
    torch.testing.assert_close(output, torch.cat([p if batch_first else p.transpose(0, 1) for p in parts], 1))


def test_unbatched_reset() -> None:
    layer = RNN(3, 5)
    x, reset = torch.randn(6, 3), torch.tensor([False, False, True, False, False, False])
    torch.testing.assert_close(layer(x, reset=reset)[0][2:], layer(x[2:])[0])


def test_trace_names_every_layer_and_direction_and_changes_nothing() -> None:
    torch.manual_seed(0)
    layer = LSTM(3, 5, 2, bidirectional=True, batch_first=True)
    x = torch.randn(4, 6, 3)
    plain, trace = layer(x, lengths=[6, 1, 4, 3]), layer.trace(x, lengths=[6, 1, 4, 3])
    assert isinstance(trace.output, Tensor)
    assert isinstance(trace.state, tuple)
    assert torch.equal(trace.output, plain[0])
    assert all(torch.equal(a, b) for a, b in zip(trace.state, plain[1], strict=True))
    assert set(trace.values) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    last = trace[1, 0]
    assert set(last) == {"i", "f", "g", "o", "h", "c"}
    assert torch.equal(last["h"], trace.output[..., :5])
    assert torch.equal(trace[1, 1]["h"], trace.output[..., 5:])
    previous = torch.cat([torch.zeros(4, 1, 5), last["c"][:, :-1]], 1)
    expected = last["f"] * previous + last["i"] * last["g"]
    torch.testing.assert_close(last["c"][0], expected[0])
    torch.testing.assert_close(last["h"], last["o"] * torch.tanh(last["c"]))
    assert not last["i"][1, 1:].any()


def test_trace_of_packed_input_is_padded_in_the_callers_order() -> None:
    layer = GRU(3, 5)
    x, lengths = torch.randn(6, 3, 3), torch.tensor([2, 6, 4])
    trace = layer.trace(pack_padded_sequence(x, lengths, enforce_sorted=False))
    torch.testing.assert_close(trace[0, 0]["z"], layer.trace(x, lengths=lengths)[0, 0]["z"])


def test_trace_of_some_names_every_other_step() -> None:
    layer = GRU(3, 5)
    x = torch.randn(7, 2, 3)
    kept = layer.trace(x, names=tidegate.engine.Record(("z",), every=2))[0, 0]
    assert set(kept) == {"z"}
    assert torch.equal(kept["z"], layer.trace(x)[0, 0]["z"][::2])
    with pytest.raises(ArgumentError, match="gru records r, z, n, h; it has no 'c'"):
        layer.trace(x, names="c")


def test_gradients_flow_through_a_trace() -> None:
    layer = LSTM(3, 5)
    x = torch.randn(7, 2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer.trace(x)[0, 0]["f"][3].sum(), x)
    assert gradient[3].any()
    assert not gradient[4:].any()


@cell(gates="h", states="h", parameters="decay")
def leaky(x: Any, r: Any, s: Any, p: Any) -> Step:
    """A user's own cell."""
    n = tanh(x.h + r.h)
    return Step(h=p.decay * s.h + (1 - p.decay) * n, gates=dict(n=n))


def test_a_users_cell_trains_projects_nothing_and_pickles() -> None:
    torch.manual_seed(0)
    layer = Recurrent(leaky, 3, 8, init="keras")
    x, y = torch.randn(9, 16, 3), torch.randn(16, 8)
    optimizer = torch.optim.Adam(layer.parameters(), 0.02)
    losses = []
    for _ in range(30):
        loss = ((layer(x)[1][0] - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    again = pickle.loads(pickle.dumps(layer))
    assert again.cell.definition == leaky.definition  # another module may define the same cell
    assert torch.equal(again(x)[0], layer(x)[0])
    assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])


def test_projection_of_a_cell_that_allows_it_and_of_one_that_does_not() -> None:
    output, (h, c) = Recurrent("peephole_lstm", 3, 5, proj_size=2)(torch.randn(4, 2, 3))
    assert output.shape == (4, 2, 2)
    assert (h.shape, c.shape) == ((1, 2, 2), (1, 2, 5))
    pickle.loads(pickle.dumps(LSTM(3, 5, proj_size=2)))
    with pytest.raises(CellError, match=r"'projected\(gru\)'.*h_{t-1} outside a product"):
        Recurrent("gru", 3, 5, proj_size=2)


def test_keras_initialisation_and_forget_bias() -> None:
    torch.manual_seed(0)
    own = LSTM(7, 5, init="keras", forget_bias=1.0).state_dict()
    w, u = own["weight_ih_l0"], own["weight_hh_l0"]
    limit = (6 / (7 + 20)) ** 0.5
    assert w.abs().max() <= limit
    assert w.abs().max() > 0.9 * limit
    torch.testing.assert_close(u.T @ u, torch.eye(5), atol=1e-5, rtol=0)
    assert torch.equal(own["bias_ih_l0"], torch.tensor([0.0] * 5 + [1.0] * 5 + [0.0] * 10))
    assert not own["bias_hh_l0"].any()
    bias = Recurrent("lstm", 7, 5, forget_bias=2.0).state_dict()["bias_l0"]
    assert torch.equal(bias[5:10], torch.full((5,), 2.0))
    assert bias[:5].abs().max() <= 5**-0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GRU(3, 4, forget_bias=1.0), "gru has no forget gate 'f'"),
        (lambda: LSTM(3, 4, bias=False, forget_bias=1.0), "no bias"),
        (lambda: LSTM(3, 4, **dict[str, Any](init="xavier")), "init must be 'torch' or 'keras', got 'xavier'"),
        (lambda: Recurrent("lstn", 3, 4), "No cell is called 'lstn'; did you mean 'lstm'"),
        (lambda: Recurrent("lstm", 0, 4), "input_size must be at least 1, got 0"),
        (lambda: Recurrent("lstm", 3, 4, dropout=2), "dropout must lie in 0..1"),
        (lambda: Recurrent("lstm", 3, 4, proj_size=4), "proj_size must lie in 0..3"),
    ],
)
def test_invalid_constructor_arguments_raise(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(lengths=[1, 2]), "one for each of the 3 sequences"),
        (dict(lengths=[1, 2, 6]), r"must lie in 0\.\.5"),
        (dict(lengths=[1, -1, 2]), r"must lie in 0\.\.5"),
        (dict(lengths=[1.0, 2.0, 3.0]), "whole numbers"),
        (dict(reset=torch.zeros(3, 5, dtype=torch.bool)), "reset must have the input's shape"),
        (dict(reset=torch.zeros(5, 3)), "reset must be bool"),
    ],
)
def test_invalid_lengths_and_resets_raise(arguments: dict[str, Any], message: str) -> None:
    lengths = arguments.get("lengths")
    if lengths is not None:
        arguments = arguments | {"lengths": torch.tensor(lengths)}
    with pytest.raises(ArgumentError, match=message):
        GRU(2, 4)(torch.randn(5, 3, 2), **arguments)


def test_lengths_with_packed_or_unbatched_input_raise() -> None:
    packed = pack_padded_sequence(torch.randn(5, 2, 3), torch.tensor([5, 2]))
    with pytest.raises(ArgumentError, match="a PackedSequence has its own lengths"):
        GRU(3, 4)(packed, lengths=[5, 2])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="needs a batch"):
        GRU(3, 4)(torch.randn(5, 3), lengths=[5])


def test_a_mask_without_a_default_value_must_be_passed() -> None:
    @cell(gates="h", states="h", masks="keep")
    def masked(x: Any, s: Any, m: Any) -> Step:
        return Step(h=m.keep * s.h + (1 - m.keep) * tanh(x.h))

    with pytest.raises(ArgumentError, match=r"takes the masks \['keep'\], given \[\]. Pass masks= with a value"):
        Recurrent(masked, 3, 4)(torch.ones(5, 2, 3))


@pytest.mark.parametrize("make", [lambda: LSTM(3, 4, 2, bidirectional=True), lambda: Recurrent(gru, 3, 4)])
def test_compiles_as_one_graph(make: Any) -> None:
    layer = make()
    x = torch.randn(4, 2, 3)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x))
    torch.testing.assert_close(compiled(x, lengths=torch.tensor([4, 2])), layer(x, lengths=torch.tensor([4, 2])))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
def test_other_derivative_modes_work() -> None:
    layer = GRU(2, 3, dtype=torch.float64)
    x = torch.randn(4, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: layer(v)[0], x.clone().requires_grad_())
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[1], x.clone().requires_grad_())
    tangent = torch.randn_like(x)
    forward_mode = torch.func.jvp(lambda v: layer(v)[0], (x,), (tangent,))[1]
    step = 1e-6
    numeric = (layer(x + step * tangent)[0] - layer(x - step * tangent)[0]) / (2 * step)
    torch.testing.assert_close(forward_mode, numeric, atol=1e-7, rtol=1e-6)
    mapped = torch.func.vmap(lambda v: layer(v)[0])(x.transpose(0, 1))
    torch.testing.assert_close(mapped.transpose(0, 1), layer(x)[0])


def test_functional_call_and_autocast() -> None:
    layer = LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    doubled = {name: 2 * value for name, value in layer.named_parameters()}
    other = LSTM(3, 4)
    other.load_state_dict(doubled)
    torch.testing.assert_close(torch.func.functional_call(layer, doubled, (x,)), other(x))
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = layer(x)
    torch.testing.assert_close(output.float(), layer(x)[0], atol=0.05, rtol=0.05)


@pytest.mark.parametrize("make", [lambda b: LSTM(3, 5, backend=b), lambda b: Recurrent(leaky, 3, 5, backend=b)])
def test_a_layer_with_a_backend_object_is_copied_and_pickled(make: Any) -> None:
    for backend in GENERAL:
        layer, x = make(backend), torch.randn(4, 2, 3)
        assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])
        assert torch.equal(pickle.loads(pickle.dumps(layer))(x)[0], layer(x)[0])
        weight_norm(layer, "weight_hh_l0")
        assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])


@pytest.mark.parametrize("options", [dict(), dict(bidirectional=True, num_layers=2), dict(proj_size=2)])
def test_expected_sizes_are_torchs(options: dict[str, Any]) -> None:
    ours, theirs, x = LSTM(3, 5, **options), torch.nn.LSTM(3, 5, **options), torch.randn(4, 2, 3)
    assert ours.get_expected_cell_size(x, None) == theirs.get_expected_cell_size(x, None)
    assert ours.get_expected_hidden_size(x, None) == theirs.get_expected_hidden_size(x, None)
    assert not {name for name in dir(theirs) if not name.startswith("_")} - set(dir(ours))


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("batch", [2, 9])
def test_an_input_without_features_leaves_the_recurrent_part(backend: str, batch: int) -> None:
    w_hh, b = torch.randn(20, 5, requires_grad=True), torch.randn(20, requires_grad=True)
    found = []
    for width in (0, 1):
        x, w_ih = torch.zeros(4, batch, width, requires_grad=True), torch.zeros(20, width, requires_grad=True)
        result = tidegate.run("lstm", x, tidegate.engine.Weights(w_ih, w_hh, b), backend=backend)
        gradients = torch.autograd.grad(result.output.sin().sum(), [w_hh, b, x, w_ih])
        assert gradients[2].shape == x.shape
        assert gradients[3].shape == w_ih.shape
        found.append([result.output, *result.state, *gradients[:2]])
    torch.testing.assert_close(*found)
