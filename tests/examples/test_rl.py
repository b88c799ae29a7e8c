"""Recurrent PPO without velocities: by hand, against single steps, and whether it learns."""

import pytest
import torch
from examples.rl import CartPole, Player, Policy, advantages_of, in_single_steps, loss_of, train


def test_advantages_by_hand():
    values, ended = torch.tensor([[1.0], [2], [3]]), torch.tensor([[False], [True], [False]])
    found = advantages_of(values, ended, torch.tensor([4.0]), discount=0.5, mix=0.5)
    last, middle = 0.05 + 0.5 * 4 - 3, 0.05 - 2  # nothing passes an episode's end
    by_hand = torch.tensor([0.05 + 0.5 * 2 - 1 + 0.25 * middle, middle, last])
    torch.testing.assert_close(found[:, 0], by_hand)


def test_whole_sequences_have_the_gradients_of_single_steps():
    torch.manual_seed(0)
    policy = Policy(5)
    player = Player(policy, CartPole(3))
    player.rollout(7)
    rollout, _ = player.rollout(40)  # begins within episodes
    assert rollout.starts[1:].any()
    assert rollout.state.abs().sum() > 0
    rows = torch.tensor([2, 0])
    logits = policy(rollout.seen, rollout.state, rollout.starts)[0]
    chosen = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(chosen.log_prob(rollout.actions), rollout.log_probs)  # as it was when it acted
    layer, stepwise = in_single_steps(policy)
    loss_of(policy, rollout, rows).backward()
    loss_of(stepwise, rollout, rows).backward()
    for ours, theirs in zip(policy.recurrent.parameters(), layer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-6)


def test_a_few_updates():
    assert 5 < train(2, count=4, steps=40) < 100


@pytest.mark.slow
def test_it_learns():
    assert train(60) > 250  # about 20 at random
