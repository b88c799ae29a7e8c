"""Recurrent PPO of sb3-contrib and of TorchRL, each with its own LSTM and with Tidegate's in whole sequences.

Needs both libraries: see `benchmarks.recurrent_policies`.
"""

from collections import deque
from typing import Any

import gymnasium  # pyright: ignore[reportMissingImports]
import numpy as np
import tensordict  # pyright: ignore[reportMissingImports]
import torch
from sb3_contrib import RecurrentPPO  # pyright: ignore[reportMissingImports]
from sb3_contrib.common.recurrent.policies import (  # pyright: ignore[reportMissingImports]
    RecurrentActorCriticPolicy,
)
from stable_baselines3.common.env_util import make_vec_env  # pyright: ignore[reportMissingImports]
from tensordict.nn import TensorDictModule, TensorDictSequential  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn
from torchrl.collectors import Collector  # pyright: ignore[reportMissingImports]
from torchrl.data import Unbounded  # pyright: ignore[reportMissingImports]
from torchrl.envs import (  # pyright: ignore[reportMissingImports]
    GymWrapper,
    InitTracker,
    RewardSum,
    SerialEnv,
    TensorDictPrimer,
    TransformedEnv,
)
from torchrl.modules import LSTMModule, set_recurrent_mode  # pyright: ignore[reportMissingImports]
from torchrl.objectives.value.functional import (  # pyright: ignore[reportMissingImports]
    generalized_advantage_estimate,
)

import tidegate

ENVIRONMENTS, STEPS = 8, 128  # of a rollout
SHOWN = {"CartPole-v1": [0, 2], "Pendulum-v1": [0, 1]}  # what of an observation is no velocity
FRAMES = ENVIRONMENTS * STEPS


def without_velocities(env: Any) -> Any:
    """Return an environment that shows positions and angles only."""
    shown = SHOWN[env.spec.id]
    space = gymnasium.spaces.Box(-10, 10, (len(shown),), np.float32)
    return gymnasium.wrappers.TransformObservation(env, lambda it: it[shown], space)


class WholeSequencesPolicy(RecurrentActorCriticPolicy):
    """The policy of ``docs/with/sb3_contrib.md``."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        tidegate.swap(self)

    @staticmethod
    def _process_sequence(features: Tensor, lstm_states: Any, episode_starts: Tensor, lstm: Any) -> Any:
        rows = lstm_states[0].shape[1]
        x = features.reshape(rows, -1, lstm.input_size).transpose(0, 1)
        output, state = lstm(x, lstm_states, reset=episode_starts.reshape(rows, -1).T != 0)
        return output.transpose(0, 1).flatten(0, 1), state


class Sb3Learner:
    """RecurrentPPO with its default settings, but for the sizes."""

    def __init__(self, task: str, hidden_size: int, epochs: int, seed: int, *, whole: bool) -> None:
        self.model = RecurrentPPO(
            WholeSequencesPolicy if whole else RecurrentActorCriticPolicy,
            make_vec_env(task, n_envs=ENVIRONMENTS, seed=seed, wrapper_class=without_velocities),
            n_steps=STEPS,
            batch_size=128,
            n_epochs=epochs,
            learning_rate=1e-3,
            gamma=0.98,
            policy_kwargs={"lstm_hidden_size": hidden_size},
            seed=seed,
            device="cpu",
        )
        _, self._callback = self.model._setup_learn(10**9, None)

    def collect(self) -> None:
        """Play a rollout."""
        self.model.collect_rollouts(self.model.env, self._callback, self.model.rollout_buffer, STEPS)

    def update(self) -> None:
        """Train on the rollout."""
        self.model.train()

    def returned(self) -> float:
        """Return the mean return of the last 100 episodes."""
        return float(np.mean([it["r"] for it in self.model.ep_info_buffer]))

    def gradients(self, other: "Sb3Learner") -> dict[str, Tensor]:
        """Return the gradients of a minibatch of another learner's rollout, with that learner's weights."""
        policy = self.model.policy
        policy.load_state_dict(other.model.policy.state_dict())
        np.random.seed(0)
        batch = next(other.model.rollout_buffer.get(512))
        assert batch.episode_starts.any()
        discrete = isinstance(self.model.action_space, gymnasium.spaces.Discrete)
        actions = batch.actions.long().flatten() if discrete else batch.actions
        values, log_probs, _ = policy.evaluate_actions(
            batch.observations, actions, batch.lstm_states, batch.episode_starts
        )
        mask = batch.mask > 0.5
        loss = (values.flatten() - batch.returns)[mask].square().mean() + log_probs[mask].mean()
        names, weights = zip(*policy.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, weights, allow_unused=True), strict=True))


class WholeSequences(tidegate.nn.LSTM):
    """The module of ``docs/with/torchrl.md``."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor, is_init: Tensor) -> Any:  # pyright: ignore
        """Run (B, T) whole sequences, or (B,) single steps."""
        alone = h.dim() == 3
        x, h, c, starts = (it.unsqueeze(1) if alone else it for it in (x, h, c, is_init.squeeze(-1)))
        h_0, c_0 = (it[:, 0].transpose(0, 1).contiguous() for it in (h, c))
        output, last = super().forward(x, (h_0, c_0), reset=starts)
        after = [torch.zeros_like(it) for it in (h, c)]
        for it, state in zip(after, last, strict=True):
            it[:, -1] = state.transpose(0, 1)
        return tuple(it.squeeze(1) if alone else it for it in (output, *after))


class Heads(nn.Module):
    """An action's distribution, and the value, from features (..., H)."""

    def __init__(self, hidden_size: int, actions: int, *, discrete: bool) -> None:
        super().__init__()
        self.action, self.value = nn.Linear(hidden_size, actions), nn.Linear(hidden_size, 1)
        self.log_std = None if discrete else nn.Parameter(torch.zeros(actions))

    def distribution(self, features: Tensor) -> Any:
        """Return the distribution of actions."""
        made = self.action(features)
        if self.log_std is None:
            return torch.distributions.Categorical(logits=made, validate_args=False)
        normal = torch.distributions.Normal(made, self.log_std.exp(), validate_args=False)
        return torch.distributions.Independent(normal, 1, validate_args=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return a sampled action, its log probability, and the value."""
        distribution = self.distribution(features)
        action = distribution.sample()
        return action, distribution.log_prob(action), self.value(features)


class TorchRLLearner:
    """PPO on TorchRL's environments, collector, module and advantages; minibatches are two environments' steps."""

    def __init__(self, task: str, hidden_size: int, epochs: int, seed: int, *, whole: bool) -> None:
        torch.manual_seed(seed)
        self.epochs, self.recent = epochs, deque[float](maxlen=100)
        keys = ["observation", "h", "c", "is_init"], ["features", ("next", "h"), ("next", "c")]
        inputs = len(SHOWN[task])
        if whole:
            recurrent = TensorDictModule(WholeSequences(inputs, hidden_size, batch_first=True), *keys)
        else:
            recurrent = LSTMModule(inputs, hidden_size, in_keys=keys[0][:3], out_keys=keys[1])
        self.recurrent = recurrent
        discrete = task.startswith("CartPole")
        self.heads = Heads(hidden_size, 2 if discrete else 1, discrete=discrete)
        made = TensorDictModule(self.heads, ["features"], ["action", "log_prob", "value"])
        self.policy = TensorDictSequential(recurrent, made)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), 1e-3)
        environment = TransformedEnv(SerialEnv(ENVIRONMENTS, lambda: self._environment(task)))
        environment.append_transform(InitTracker())
        environment.append_transform(RewardSum())
        states = {name: Unbounded(shape=(1, hidden_size)) for name in "hc"}
        environment.append_transform(TensorDictPrimer(states, expand_specs=True))
        environment.set_seed(seed)
        collector = Collector(environment, self.policy, frames_per_batch=FRAMES, total_frames=-1)
        self._batches = iter(collector)
        self.batch: Any = None

    @staticmethod
    def _environment(task: str) -> Any:
        made = without_velocities(gymnasium.make(task))
        return GymWrapper(made, categorical_action_encoding=True)

    def collect(self) -> None:
        """Play a rollout."""
        batch = next(self._batches).clone()
        following = batch["next"]
        # Approximate, for both learners alike: the last step is followed by its own value, and a step that was cut
        # off by the time limit by that of the next episode's first state.
        after = torch.cat([batch["value"][:, 1:], batch["value"][:, -1:]], 1)
        batch["advantage"], batch["target"] = generalized_advantage_estimate(
            0.98, 0.95, batch["value"], after, following["reward"], following["done"], following["terminated"]
        )
        self.recent.extend(following["episode_reward"][following["done"]].tolist())
        self.batch = batch.exclude("next", "features")

    def update(self) -> None:
        """Train on the rollout: clipped PPO, with the coefficients of RecurrentPPO."""
        for _ in range(self.epochs):
            for rows in torch.randperm(ENVIRONMENTS).split(2):
                self.optimizer.zero_grad()
                self.loss(self.batch[rows]).backward()
                nn.utils.clip_grad_norm_(self.policy.parameters(), 0.5)
                self.optimizer.step()

    def loss(self, batch: Any) -> Tensor:
        """Return the loss of a batch (B, T)."""
        with set_recurrent_mode(True):
            features = self.recurrent(batch)["features"]
        log_probs = self.heads.distribution(features).log_prob(batch["action"])
        advantage = batch["advantage"][..., 0]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = (log_probs - batch["log_prob"]).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
        return 0.5 * (self.heads.value(features) - batch["target"]).square().mean() - gain

    def returned(self) -> float:
        """Return the mean return of the last 100 episodes."""
        return float(np.mean(self.recent))

    def gradients(self, other: "TorchRLLearner") -> dict[str, Tensor]:
        """Return the gradients of a minibatch of another learner's rollout, with that learner's weights."""
        for own, given in zip(self.policy.parameters(), other.policy.parameters(), strict=True):
            own.data.copy_(given.data)
        batch = other.batch[:4].clone()
        assert batch["is_init"][:, 1:].any()
        found = torch.autograd.grad(self.loss(batch), [*self.policy.parameters()])
        return {f"{k}": gradient for k, gradient in enumerate(found)}


LEARNERS = {"sb3-contrib": Sb3Learner, "TorchRL": TorchRLLearner}
VERSIONS = {"tensordict": tensordict.__version__, "gymnasium": gymnasium.__version__}
