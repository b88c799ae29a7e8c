"""Newton's method over time: which cells have a diagonal Jacobian, and that the iterations end at the loop's states."""

import pytest
import torch
from benchmarks.newton_in_time import has_diagonal_jacobian, iterate, main, step_and_diagonal

from tidegate.cells import CELLS, get_cell
from tidegate.engine import Weights, run
from tidegate.nn import Recurrent


def test_the_cells_with_a_diagonal_jacobian() -> None:
    found = {name for name, it in CELLS.items() if has_diagonal_jacobian(it)}
    assert found == {"min_gru", "min_lstm", "indrnn", "sru"} == {n for n, it in CELLS.items() if not it.recurrent_gates}


def layer_weights(name: str) -> Weights:
    torch.manual_seed(0)
    return Recurrent(name, 3, 5, dtype=torch.float64).layer_weights(0, 0).map(torch.Tensor.detach)


@pytest.mark.parametrize("name", ["lstm", "gru", "sru"])
def test_the_diagonal_of_the_derivative(name: str) -> None:
    it, weights = get_cell(name), layer_weights(name)
    x = torch.randn(1, 2, 3, dtype=torch.float64)
    before = [torch.randn(1, 2, 5, dtype=torch.float64) for _ in it.states]
    parts = torch.nn.functional.linear(x, weights.w_ih, weights.b_ih).chunk(len(it.input_gates), -1)  # pyright: ignore[reportArgumentType]
    found = step_and_diagonal(it, dict(zip(it.input_gates, parts, strict=True)), weights, before)

    def step(*states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return run(it, x, weights, states, backend="reference").state

    jacobians = torch.autograd.functional.jacobian(step, tuple(s[0] for s in before))
    for k, (new, own) in enumerate(found):
        torch.testing.assert_close(new[0], step(*(s[0] for s in before))[k])
        torch.testing.assert_close(own[0], torch.einsum("bhbh->bh", jacobians[k][k]))


@pytest.mark.parametrize(("name", "most"), [("min_lstm", 1), ("indrnn", 5), ("sru", 5), ("gru", 20)])
def test_the_iterations_end_at_the_states_of_the_loop(name: str, most: int) -> None:
    it, weights = get_cell(name), layer_weights(name)
    x = torch.randn(20, 2, 3, dtype=torch.float64)
    count = iterate(it, x, weights, run(it, x, weights, backend="reference").output)
    assert count is not None
    assert 1 <= count <= most


@pytest.mark.slow
def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--steps", "32", "--size", "4", "--updates", "2"])
    assert "| min_gru | affine | initial | float32 | 1 |" in capsys.readouterr().out
