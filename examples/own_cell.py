"""A cell of your own in ten lines, trained on a toy task next to the LSTM.

The task: after a run of numbers, say the first one. Run it with ``python examples/own_cell.py``.
"""

import torch

import tidegate
from tidegate.cells import Step, cell, sigmoid, tanh


@cell(gates="k n", states="h", paper="this file")
def keeper(x, r, s):
    """k_t keeps, n_t is new; the new part sees only what is kept."""
    k = sigmoid(x.k + r.k)
    n = tanh(x.n + r("n", k * s.h))
    h = k * s.h + (1 - k) * n
    return Step(h=h, gates=dict(k=k, n=n))


def train(which: tidegate.Cell | str, lag: int = 8, steps: int = 500) -> float:
    """Mean squared error on fresh sequences after training."""
    torch.manual_seed(0)
    layer, readout = tidegate.nn.Recurrent(which, 1, 24), torch.nn.Linear(24, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 0.01)
    loss = torch.zeros(())
    for _ in range(steps):
        x = torch.rand(lag, 64, 1)
        output, _ = layer(x)
        loss = torch.nn.functional.mse_loss(readout(output[-1]), x[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    print(keeper.text())
    for which in (keeper, "lstm"):
        name = tidegate.cells.get_cell(which).name
        print(f"{name}: mean squared error {train(which):.4f} (always guessing the mean: {1 / 12:.4f})")
