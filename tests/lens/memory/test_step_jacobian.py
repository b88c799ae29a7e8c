"""Jacobians against differences, and what they bound against gradients."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tidegate.cells import intervened
from tidegate.errors import ArgumentError
from tidegate.lens.memory.state_gradients import state_gradients
from tidegate.lens.memory.step_jacobian import step_jacobian
from tidegate.nn import Recurrent

T, I, H = 7, 3, 5


def layer_of(cell: str, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, I, H, options.pop("num_layers", 2), dtype=torch.float64, **options, backend="reference")


def some_inputs(steps: int = T) -> Tensor:
    return torch.randn(steps, I, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def states(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else state


def as_given(parts: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    return parts[0] if len(parts) == 1 else tuple(parts)


@pytest.mark.parametrize("name", ["rnn_tanh", "lstm", "peephole_lstm", "gru"])
def test_equal_to_differences(name):
    layer, x = layer_of(name, num_layers=1), some_inputs()
    found = step_jacobian(layer, x)
    sizes = [H] * len(layer.cell.states)
    with torch.no_grad():
        for t in range(T):
            _, before = layer(x[:t]) if t else (None, as_given([torch.zeros(1, H, dtype=torch.float64) for _ in sizes]))
            at = torch.cat(states(before), 1)
            columns = []
            for unit in range(sum(sizes)):
                ends = []
                for move in (1e-6, -1e-6):
                    moved = at.clone()
                    moved[0, unit] += move
                    ends.append(torch.cat(states(layer(x[t : t + 1], as_given(list(moved.split(sizes, 1))))[1]), 1)[0])
                columns.append((ends[0] - ends[1]) / 2e-6)
            np.testing.assert_allclose(found.jacobians[t], torch.stack(columns, 1), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "place"), [("lstm", (0, 0)), ("lstm", (1, 1)), ("gru", (1, 0)), ("gru", (0, 1))])
def test_the_product_of_all_is_the_derivative_of_the_last_state_by_the_first(name, place):
    layer, x = layer_of(name, bidirectional=True, batch_first=True), some_inputs()
    count = len(layer.cell.states)
    shape = (layer.num_layers * 2, 1, H)
    hx = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(count)]
    found = step_jacobian(layer, x, as_given([it.detach() for it in hx]), place=place)
    index = place[0] * 2 + place[1]
    last = torch.cat([it[index, 0] for it in states(layer(x[None], as_given(hx))[1])])
    rows = []
    for value in last:
        parts = torch.autograd.grad(value, hx, retain_graph=True)
        rows.append(torch.cat([it[index, 0] for it in parts]))
    product = np.eye(count * H)
    for jacobian in found.jacobians:
        product = jacobian @ product
    np.testing.assert_allclose(product, torch.stack(rows), rtol=1e-9, atol=1e-12)
    assert found.products[-1] == pytest.approx(np.linalg.svd(product)[1][0])
    assert found.parts == {state: slice(n * H, (n + 1) * H) for n, state in enumerate(layer.cell.states)}


def test_products_bound_gradients():
    layer, x = layer_of("lstm", num_layers=1), some_inputs(63)
    found = step_jacobian(layer, x)
    generator = torch.Generator().manual_seed(2)
    direction = torch.randn(2 * H, dtype=torch.float64, generator=generator)
    for d in (1, 5, 30):
        _, state = layer(x[: 63 - d])
        hx = tuple(it.detach().requires_grad_() for it in state)
        last = torch.cat([it[0] for it in layer(x[63 - d :], hx)[1]])
        gradient = torch.cat(torch.autograd.grad(last @ direction, hx), 1).norm()
        assert float(gradient) <= found.products[d - 1] * float(direction.norm()) * (1 + 1e-9)
        assert found.products[d - 1] <= np.prod(found.norms[63 - d :]) * (1 + 1e-9)
        assert found.growth[d - 1] == pytest.approx(found.products[d - 1] ** (1 / d))


def test_norm_and_radius_of_a_known_matrix():
    layer = layer_of("rnn_tanh", num_layers=1)
    matrix = torch.zeros(H, H, dtype=torch.float64)
    matrix[0, 1], matrix[1, 0], matrix[2, 2] = 4.0, 0.25, 0.5  # not normal: norm 4, eigenvalues ±1 and 0.5
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.get_parameter("weight_hh_l0").copy_(matrix)
    found = step_jacobian(layer, 0 * some_inputs())
    np.testing.assert_allclose(found.jacobians[3], matrix)
    np.testing.assert_allclose(found.norms, 4)
    np.testing.assert_allclose(found.radii, 1)
    np.testing.assert_allclose(found.products, [4, 1] * 3 + [4], rtol=1e-9)


def test_a_single_step_and_a_projected_output():
    layer = layer_of("lstm", proj_size=2)
    layer.train()
    found = step_jacobian(layer, some_inputs(1), place=(1, 0))
    assert layer.training
    assert found.jacobians.shape == (1, 2 + H, 2 + H)
    assert found.parts == {"h": slice(0, 2), "c": slice(2, 7)}


def test_a_layer_with_another_cell_has_that_cells_jacobian():
    layer, x = layer_of("lstm"), some_inputs()
    plain = step_jacobian(layer, x, place=(1, 0)).jacobians
    c = slice(H, 2 * H)
    assert (np.diagonal(plain[:, c, c], axis1=1, axis2=2) > 0.1).all()
    layer.layer_cells = {1: intervened(layer.cell, {"f": dict.fromkeys(range(H), 0.0)})}
    shut = step_jacobian(layer, x, place=(1, 0)).jacobians
    np.testing.assert_array_equal(shut[:, c, c], 0)  # with f at 0, c_t is new in every step
    assert np.abs(shut[:, :, :H]).max() > 0.01
    first = layer_of("lstm")
    np.testing.assert_allclose(step_jacobian(layer, x).jacobians, step_jacobian(first, x).jacobians)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_partial_derivatives_are_the_total_ones_where_there_is_one_state(name):
    layer, x = layer_of(name, num_layers=1), some_inputs()
    found = step_jacobian(layer, x)
    last = torch.linspace(-1, 1, H, dtype=torch.float64)
    total = state_gradients(layer, x[:, None], lambda output: output[-1] @ last)[0, 0]
    back = np.concatenate([last.numpy(), np.zeros(H * (len(layer.cell.states) - 1))])
    for t in range(T - 1, 1, -1):
        back = found.jacobians[t].T @ back
        h = total["h"][t - 1, 0].numpy()
        np.testing.assert_allclose(back[:H], h, rtol=1e-9, atol=1e-15)
    if name == "lstm":  # c_t also moves h_t, in its own step
        assert np.abs(back[H:] - total["c"][1, 0].numpy()).max() > 0.01 * np.abs(back[H:]).max()


def test_invalid_shapes_and_places_raise():
    layer = layer_of("gru")
    with pytest.raises(ArgumentError, match="layer and direction"):
        step_jacobian(layer, some_inputs(), place=(2, 0))
    with pytest.raises(ArgumentError, match="layer and direction"):
        step_jacobian(layer, some_inputs(), place=(0, 1))
    for inputs in (some_inputs()[:0], some_inputs()[None]):
        with pytest.raises(ArgumentError, match="at least one step"):
            step_jacobian(layer, inputs)


def test_a_scaled_orthogonal_matrix_shrinks_everything_alike():
    layer = layer_of("rnn_tanh", num_layers=1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        nn.init.orthogonal_(layer.get_parameter("weight_hh_l0")).mul_(1.1)
    found = step_jacobian(layer, 0 * some_inputs(20))
    np.testing.assert_allclose(found.growth, 1.1)
    np.testing.assert_allclose(found.radii, 1.1)
