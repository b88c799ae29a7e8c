"""Recurrent PPO: balance a pole without seeing velocities; every update runs whole sequences, with ``reset=``.

``python examples/rl.py`` learns it within a minute. ``python examples/rl.py --compare`` times an update's forward and
backward pass beside the usual loop, which calls ``torch.nn.GRU`` once a step and zeroes the states of ended episodes.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

import tidegate

LIMIT = 500  # steps of an episode; one that gets there ends, as in Gymnasium's CartPole-v1


class CartPole:
    """Many poles on carts (Barto, Sutton and Anderson 1983; constants and Euler steps of Gymnasium's CartPole-v1).

    Of a state (position in m, velocity, angle in rad, angular velocity) only position and angle are shown.
    """

    def __init__(self, count: int) -> None:
        self.state = torch.rand(count, 4) * 0.1 - 0.05
        self.age = torch.zeros(count)

    def seen(self) -> Tensor:
        """Positions and angles, (B, 2), scaled to about one at the edges."""
        return self.state[:, [0, 2]] / torch.tensor([2.4, 0.2095])

    def step(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """Push right (1) or left (0): lengths of the episodes that ended (0 elsewhere), and where; they start anew."""
        x, v, angle, w = self.state.unbind(1)
        sin, cos = angle.sin(), angle.cos()
        pushed = (right * 20.0 - 10 + 0.05 * w.square() * sin) / 1.1
        turned = (9.8 * sin - cos * pushed) / (0.5 * (4 / 3 - 0.1 * cos.square() / 1.1))
        moved = pushed - 0.05 * turned * cos / 1.1
        self.state = torch.stack([x + 0.02 * v, v + 0.02 * moved, angle + 0.02 * w, w + 0.02 * turned], 1)
        self.age += 1
        ended = (self.state[:, 0].abs() > 2.4) | (self.state[:, 2].abs() > 12 / 180 * torch.pi) | (self.age >= LIMIT)
        length = self.age * ended
        self.state = torch.where(ended[:, None], torch.rand_like(self.state) * 0.1 - 0.05, self.state)
        self.age *= ~ended
        return length, ended


class Policy(nn.Module):
    """A GRU whose output gives the logits of both actions and the value."""

    def __init__(self, hidden_size: int = 64) -> None:
        super().__init__()
        self.recurrent = tidegate.nn.GRU(2, hidden_size)
        self.action, self.value = nn.Linear(hidden_size, 2), nn.Linear(hidden_size, 1)

    def forward(self, seen: Tensor, state: Tensor | None, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (T, B, 2), values (T, B) and the last state; the state is zero before every step that starts."""
        output, state = self.recurrent(seen, state, reset=starts)
        return self.action(output), self.value(output)[..., 0], state


@dataclass
class Rollout:
    """What a policy did: (T, B) each, ``seen`` (T, B, 2), ``state`` before the first step (1, B, H)."""

    seen: Tensor
    starts: Tensor
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    state: Tensor


class Player:
    """Lets a policy act in its environments, on from where the rollout before ended."""

    def __init__(self, policy: Policy, environment: CartPole) -> None:
        self.policy, self.environment = policy, environment
        self.state = torch.zeros(1, len(environment.age), policy.recurrent.hidden_size)
        self.starts = torch.ones(len(environment.age), dtype=torch.bool)

    @torch.no_grad()
    def rollout(self, steps: int) -> tuple[Rollout, Tensor]:
        """Play on; also the lengths of the episodes that ended."""
        first, rows, lengths = self.state, [], []
        for _ in range(steps):
            seen = self.environment.seen()
            logits, value, self.state = self.policy(seen[None], self.state, self.starts[None])
            action = (chosen := Categorical(logits=logits[0], validate_args=False)).sample()
            length, ended = self.environment.step(action)
            rows.append((seen, self.starts, action, chosen.log_prob(action), value[0], ended))
            lengths.append(length[ended])
            self.starts = ended
        seen, starts, actions, log_probs, values, ended = map(torch.stack, zip(*rows, strict=True))
        following = self.policy(self.environment.seen()[None], self.state, self.starts[None])[1][0]
        advantages = advantages_of(values, ended, following)
        returns = advantages + values
        return Rollout(seen, starts, actions, log_probs, advantages, returns, first), torch.cat(lengths)


def advantages_of(
    values: Tensor, ended: Tensor, following: Tensor, discount: float = 0.98, mix: float = 0.95
) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016, eq. 16), with a reward of 0.05 for every step."""
    found, after = torch.empty_like(values), torch.zeros_like(following)
    for t in reversed(range(len(values))):
        kept = discount * ~ended[t]
        after = 0.05 + kept * following - values[t] + kept * mix * after
        found[t], following = after, values[t]
    return found


Forward = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def loss_of(forward: Forward, rollout: Rollout, rows: Tensor) -> Tensor:
    """The clipped loss of PPO (Schulman et al. 2017, eq. 9) of some environments' whole sequences."""
    logits, values, _ = forward(rollout.seen[:, rows], rollout.state[:, rows], rollout.starts[:, rows])
    chosen = Categorical(logits=logits, validate_args=False)
    advantages = rollout.advantages[:, rows]
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = (chosen.log_prob(rollout.actions[:, rows]) - rollout.log_probs[:, rows]).exp()
    gain = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
    missed = (values - rollout.returns[:, rows]).square().mean()
    return -gain + 0.5 * missed - 0.01 * chosen.entropy().mean()


def train(updates: int, count: int = 32, steps: int = 128) -> float:
    """Train a policy; the mean length of the last 100 episodes that ended."""
    torch.manual_seed(0)
    policy = Policy()
    player = Player(policy, CartPole(count))
    optimizer = torch.optim.Adam(policy.parameters(), 3e-3)
    lengths = torch.zeros(0)
    for update in range(1, updates + 1):
        rollout, ended = player.rollout(steps)
        lengths = torch.cat([lengths, ended])[-100:]
        for _ in range(4):
            for rows in torch.randperm(count).chunk(4):
                optimizer.zero_grad()
                loss_of(policy, rollout, rows).backward()
                nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
                optimizer.step()
        if update % 10 == 0:
            print(f"update {update}: the last {len(lengths)} episodes took {lengths.mean():.0f} steps of {LIMIT}")
    return lengths.mean().item()


def in_single_steps(policy: Policy) -> tuple[nn.GRU, Forward]:
    """The usual loop: ``torch.nn.GRU`` with the policy's weights, called once a step."""
    layer = nn.GRU(2, policy.recurrent.hidden_size)
    layer.load_state_dict(policy.recurrent.state_dict())

    def forward(seen: Tensor, state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs = []
        for x, start in zip(seen, starts, strict=True):
            output, state = layer(x[None], state * ~start[:, None])
            outputs.append(output)
        output = torch.cat(outputs)
        return policy.action(output), policy.value(output)[..., 0], state

    return layer, forward


def compare(count: int = 8, steps: int = 128, rounds: int = 20) -> tuple[float, float]:
    """Milliseconds of CPU time of a minibatch's forward and backward pass: in whole sequences, in single steps."""
    torch.manual_seed(0)
    policy = Policy()
    rollout, _ = Player(policy, CartPole(count)).rollout(steps)
    layer, stepwise = in_single_steps(policy)
    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds + 1):
        for forward, found in zip((policy, stepwise), times, strict=True):
            nn.ModuleList([policy, layer]).zero_grad()
            begin = time.process_time()
            loss_of(forward, rollout, torch.arange(count)).backward()
            found.append(1000 * (time.process_time() - begin))
    loss_of(policy, rollout, torch.arange(count)).backward()
    for ours, theirs in zip(policy.recurrent.parameters(), layer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)
    return median(times[0][1:]), median(times[1][1:])  # the first round compiles


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Recurrent PPO on a pole whose velocities are not shown.")
    parser.add_argument("--compare", action="store_true", help="time an update's pass beside single steps, and leave")
    if parser.parse_args().compare:
        torch.set_num_threads(1)
        whole, single = compare()
        print(
            f"whole sequences {whole:.2f} ms, single steps {single:.2f} ms ({single / whole:.1f} times); same gradients"
        )
    else:
        train(100)
