"""GRU-D whole (Che et al. 2018): series with missing values, imputed by decay, read by `tidegate.cells.gru_d`.

The task: the sum of the last value of each of three features, of which two in three are missing. Run it with
``python examples/missing_values.py``; it trains GRU-D and, beside it, a GRU that sees the same values without decay.
"""

import torch
from torch import Tensor, nn

import tidegate


class GRUD(nn.Module):
    """GRU-D, the paper's equations 10 to 15.

    With x the values, m the mask of what was observed, and δ the time since each feature was observed before::

        γ_x = exp(-max(0, w_x ⊙ δ + b_x))                      fades the last value towards the mean
        x̂   = m ⊙ x + (1 - m) ⊙ (γ_x ⊙ last + (1 - γ_x) ⊙ mean)
        h   = gru_d([x̂, m], decay = W_h δ + b_h)               fades the hidden state

    Args:
        features: of the series.
        hidden_size: H.
        mean: (features,) of the observed values of the training data.
    """

    def __init__(self, features: int, hidden_size: int, mean: Tensor):
        super().__init__()
        self.w_x, self.b_x = nn.Parameter(torch.zeros(features)), nn.Parameter(torch.zeros(features))
        self.decay = nn.Linear(features, hidden_size)
        self.layer = tidegate.nn.Recurrent("gru_d", 2 * features, hidden_size)
        self.register_buffer("mean", mean)

    def forward(self, values: Tensor, observed: Tensor, times: Tensor) -> Tensor:
        """Return the hidden states (T, B, H) of values and masks (T, B, features) at times (T, B)."""
        last, since = last_and_since(values, observed, times)
        kept = torch.exp(-torch.relu(self.w_x * since + self.b_x))
        imputed = torch.where(observed, values, kept * last + (1 - kept) * self.get_buffer("mean"))
        x = torch.cat([imputed, observed.to(values.dtype)], -1)
        return self.layer(x, masks={"decay": self.decay(since)})[0]


def last_and_since(values: Tensor, observed: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return, at each step, each feature's last observed value (0 before the first) and the time since it."""
    last, since, before, after = [], [], torch.zeros_like(values[0]), torch.zeros_like(values[0])
    for t in range(len(values)):
        elapsed = (times[t] - times[t - 1])[:, None] if t else torch.zeros_like(times[0])[:, None]
        after = elapsed + (after if t == 0 else torch.where(observed[t - 1], 0, after))
        since.append(after)
        last.append(before)
        before = torch.where(observed[t], values[t], before)
    return torch.stack(last), torch.stack(since)


def batch(steps: int = 20, size: int = 64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return values, masks, times, and the sum of the last value of each feature."""
    times = torch.rand(steps, size).cumsum(0)
    phase, speed = 6.28 * torch.rand(size, 3), 0.2 + 0.2 * torch.rand(size, 3)
    values = torch.sin(phase + speed * times[:, :, None])
    return values, torch.rand(steps, size, 3) < 1 / 3, times, values[-1].sum(-1)


def train(which: str, updates: int = 300) -> float:
    """Return the mean squared error on new series after training."""
    torch.manual_seed(0)
    with_decay, plain = GRUD(3, 32, torch.zeros(3)), tidegate.nn.GRU(6, 32)
    readout, loss = nn.Linear(32, 1), torch.zeros(())
    optimizer = torch.optim.Adam([*with_decay.parameters(), *plain.parameters(), *readout.parameters()], 0.01)
    for _ in range(updates):
        values, observed, times, target = batch()
        if which == "gru_d":
            output = with_decay(values, observed, times)
        else:
            output, _ = plain(torch.cat([torch.where(observed, values, 0), observed.float()], -1))
        loss = nn.functional.mse_loss(readout(output[-1])[:, 0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    for name in ("gru", "gru_d"):
        print(f"{name}: mean squared error {train(name):.3f}")
