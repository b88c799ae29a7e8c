"""The model of forecasts: recurrent layers that predict the distributions of the next values, and sample paths."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.data.buckets import Padded
from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import Distribution
from tidegate.tasks.layers import each_state, recurrent
from tidegate.train.hub.pretrained_model import PretrainedModel


class Forecaster(PretrainedModel):
    """Recurrent layers that predict the distribution of the next value of each target, which are independent given h.

    Args:
        config: the model config.
        covariates: the number of covariates.
        distribution: of the next value. If it is of counts, the inputs end with log nu of each target.
        targets: K, the number of targets.
        past: the number of columns that are known only of past steps: the values, whether each was observed if values
            may be missing, and past covariates.
        flagged: whether values may be missing.
        elapsed: the times between steps, if the cell takes them.
        categories: the number of categories that series may have, an unknown one included; 0: they have none.
        labels: likewise of those that change from step to step.
        known_labels: the number of columns of these that are known in advance; and
        past_labels: of those that are not. They are among the past covariates.
        backend: the engine's backend; None leaves it to the engine.
    """

    def __init__(
        self,
        config: ForecastConfig,
        covariates: int,
        distribution: Distribution,
        *,
        targets: int = 1,
        past: int = 1,
        flagged: bool = False,
        categories: int = 0,
        labels: int = 0,
        known_labels: int = 0,
        past_labels: int = 0,
        elapsed: ElapsedTimes | None = None,
        backend: str | None = None,
    ) -> None:
        super().__init__()
        self.targets, self.flagged = targets, flagged
        self.known_labels, self.given_past = known_labels, past
        self.past = past + past_labels * config.static_size
        self.distribution, self.elapsed = distribution, elapsed
        self.static = nn.Embedding(categories, config.static_size, padding_idx=0) if categories else None
        self.labels = nn.Embedding(labels, config.static_size, padding_idx=0) if labels else None
        covariates += (len(config.categories) + known_labels) * config.static_size
        self.recurrent = recurrent(config, self.past + covariates + targets * distribution.counts, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, targets * self.distribution.size)
        self.last = nn.Parameter(torch.ones(targets))

    def frames(self, columns: Mapping[str, Padded]) -> Tensor:
        """Return a batch's frames (B, L, P + C), with embedded categories among the covariates."""
        frames = columns["frames"].values
        last = frames.shape[2] - self.targets * self.distribution.counts  # log nu remains last
        past, known = [], []
        if self.static is not None:
            static = self.static(columns["static"].values).flatten(1)[:, None]
            known.append(static.expand(-1, frames.shape[1], -1))
        if self.labels is not None:
            embedded = self.labels(columns["labels"].values)
            known.append(embedded[:, :, : self.known_labels].flatten(2))
            past.append(embedded[:, :, self.known_labels :].flatten(2))
        if not known:
            return frames
        at = self.given_past - 1 if self.past > self.given_past else self.given_past  # whether they are known is last
        parts = [frames[..., :at], *past, frames[..., at:last], *known, frames[..., last:]]
        return torch.cat(parts, -1)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Any]:
        """Return the numbers of each next value's distribution (B, L, K, size), and the final states.

        Args:
            x: inputs (B, L, past + C), see `inputs`.
            lengths: (B,) valid steps.
        """
        masks = None if self.elapsed is None else {MASK: self.elapsed.of_inputs(x)}
        h, final = self.recurrent(x, lengths=lengths, masks=masks)
        return self.predict(self.dropout(h), x), final

    def predict(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the numbers of the distributions (..., K, size), from outputs (..., H) and inputs (..., past + C)."""
        count = self.targets
        given = self.output(h).unflatten(-1, (count, -1))
        last = (self.last * x[..., :count])[..., None]
        log_scale = x[..., -count:, None] if self.distribution.counts else last[..., :0]
        return torch.cat([given[..., :1] + last, given[..., 1:], log_scale], -1)

    def paths(self, frames: Tensor, steps: Tensor, draws: Tensor, reach: Sequence[float]) -> Tensor:
        """Continue each series with sample paths.

        A model that is fed its own predictions may diverge from everything it was trained on. So a path stays within
        ``reach`` of the last known value.

        Args:
            frames: (B, L, past + C); the values of steps that are not known are ignored.
            steps: (B,) the number of known steps, at least 1.
            draws: (H, P, K), for each step and path the share in (0, 1) whose quantile is drawn.
            reach: the largest distance from the last known value, of each target.

        Returns:
            Values (B, K, H, P).
        """
        (horizon, count, targets), (batch, _, width) = draws.shape, frames.shape
        rows, limit = torch.arange(batch, device=frames.device), frames.new_tensor(reach)
        given, final = self(inputs(frames, self.past), steps)
        given = given[rows, steps - 1][:, None].expand(-1, count, -1, -1)
        start = frames[rows, steps - 1, :targets][:, None]
        stepper = self.recurrent.stepper(batch * count, copy=False)
        stepper.state = each_state(final, lambda state: state[:, :, None].expand(-1, -1, count, -1).flatten(1, 2))
        at = steps[:, None] + torch.arange(horizon, device=frames.device)
        held = frames[rows[:, None], at[:, :-1], targets : self.past]
        known = frames[rows[:, None], at[:, 1:], self.past :]
        if self.flagged:
            held[..., :targets] = 1
        others = torch.cat([held, known], -1)[:, :, None].expand(-1, -1, count, -1)
        found = []
        for h in range(horizon):
            y = self.distribution.quantile(given, draws[h])
            y = torch.clamp(y, start - limit, start + limit)
            found.append(y)
            if h + 1 < horizon:
                x = torch.cat([y, others[:, h]], -1)
                masks = None
                if self.elapsed is not None:
                    masks = {MASK: self.elapsed.of_frames(frames[rows, at[:, h]]).repeat_interleave(count)}
                h_t = stepper(x.view(-1, width), masks=masks)
                given = self.predict(h_t.view(batch, count, -1), x)
        return torch.stack(found, 1).movedim(3, 1)


def forget_past(frames: Tensor, lengths: Tensor, first: int, past: int) -> Tensor:
    """Hold past covariates from a random step on, in half of the examples: that is how a forecast finds them.

    Args:
        frames: (B, L, P + C); of the columns from ``first`` to ``past`` the last says whether the others are known.
        lengths: (B,) valid steps, at least 1.
        first: the first past covariate.
        past: P.
    """
    steps = torch.arange(frames.shape[1], device=frames.device)
    last = (torch.rand(len(lengths), device=frames.device) * 2 * lengths).long()  # from the end on nothing is held
    at = torch.minimum(steps, last[:, None])[..., None].expand(-1, -1, past - first - 1)
    known = (steps <= last[:, None])[..., None].to(frames.dtype)
    return torch.cat([frames[..., :first], frames[..., first : past - 1].gather(1, at), known, frames[..., past:]], -1)


def inputs(frames: Tensor, past: int = 1) -> Tensor:
    """Return the inputs (y_t, c_{t+1}) (B, L - 1, P + C) of frames (y_t, c_t) (B, L, P + C), y of P columns."""
    return torch.cat([frames[:, :-1, :past], frames[:, 1:, past:]], -1)
