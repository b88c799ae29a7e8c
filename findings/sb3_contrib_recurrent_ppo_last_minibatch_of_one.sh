#!/usr/bin/env bash
# sb3-contrib 2.9.2, stable-baselines3 2.9.2, gymnasium 1.4.0, torch 2.13.0 (CPU; Python 3.11).
#
# RecurrentPPO with n_steps=33 and batch_size=32: after one update every parameter of the policy is NaN. The last minibatch
# has one step, and its advantages are divided by their standard deviation, which one number has not. PPO with the same
# settings warns of the minibatch when it is made, leaves such a one unscaled and goes on. RecurrentPPO does not say a word
# of its own; torch warns of degrees of freedom.
#
# The good guess that is wrong: RecurrentPPO is PPO with another policy, so what PPO says of its settings holds for both.
#
# Seen:
#   PPO            0 of 12 parameters NaN, warned of a truncated mini-batch: True
#   RecurrentPPO  20 of 20 parameters NaN, warned of a truncated mini-batch: False
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 sb3-contrib==2.9.2 stable-baselines3==2.9.2 \
    gymnasium==1.4.0
cat > show.py <<'PYTHON'
import warnings

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO

seen = {}
for algorithm, policy in ((PPO, "MlpPolicy"), (RecurrentPPO, "MlpLstmPolicy")):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model = algorithm(policy, "CartPole-v1", n_steps=33, batch_size=32, n_epochs=1, seed=0, device="cpu")
        told = any("truncated mini-batch" in str(it.message) for it in warned)
        model.learn(33)
    parameters = list(model.policy.parameters())
    lost = sum(bool(torch.isnan(it).any()) for it in parameters)
    print(f"{algorithm.__name__:12}  {lost:2} of {len(parameters)} parameters NaN, warned of a truncated mini-batch: {told}")
    seen[algorithm.__name__] = lost, len(parameters), told
assert seen["PPO"][0] == 0 and seen["PPO"][2]
assert seen["RecurrentPPO"][0] == seen["RecurrentPPO"][1] and not seen["RecurrentPPO"][2]
PYTHON
env/bin/python show.py
