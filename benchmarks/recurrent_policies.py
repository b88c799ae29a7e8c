"""Recurrent PPO of sb3-contrib and TorchRL, each as it is and with Tidegate's LSTM in whole sequences (``reset=``).

The tasks are CartPole and Pendulum without velocities. The libraries are installed beside Tidegate in an environment of
their own (the versions are those that were tried)::

    python -m venv build/policies
    build/policies/bin/pip install torch==2.13.0 -e .
    build/policies/bin/pip install sb3-contrib==2.9.2 torchrl==0.14.1 tensordict==0.14.3 gymnasium==1.4.0
    build/policies/bin/python -m benchmarks.recurrent_policies

One thread, processor time. Both take turns, rollout by rollout; each learns on what it played itself, after the
gradients of a minibatch have been compared. ``--returns`` compares what they have learnt, over three seeds.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from benchmarks.machine import processor

TASKS = ("CartPole-v1", "Pendulum-v1")
LIBRARIES = {"sb3-contrib": "sb3_contrib", "TorchRL": "torchrl"}
NEEDED = ("sb3_contrib", "torchrl", "tensordict", "gymnasium")
INSTALL = "pip install sb3-contrib==2.9.2 torchrl==0.14.1 tensordict==0.14.3 gymnasium==1.4.0"
SEEDS = 3


def timed(act: Callable[[], Any]) -> float:
    """Return the seconds of the processor that a function takes."""
    start = time.process_time()
    act()
    return time.process_time() - start


def largest_difference(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """Return the largest difference of gradients, over the largest of theirs.

    Raises:
        AssertionError: it is above 1e-5.
    """
    pairs = [(own, theirs[name]) for name, own in ours.items() if own is not None]
    largest = max(their.abs().max().item() for _, their in pairs)
    found = max((own - their).abs().max().item() for own, their in pairs) / largest
    assert found < 1e-5, f"gradients differ by {found:.1e} of the largest"
    return found


def compare_speed(library: str, task: str, hidden_size: int, epochs: int, rounds: int) -> str:
    """Return a row of the table of frames per second."""
    from benchmarks.policy_learners import FRAMES, LEARNERS

    both = [LEARNERS[library](task, hidden_size, epochs, seed=0, whole=whole) for whole in (True, False)]
    ours, theirs = both
    for learner in both:
        learner.collect()
        learner.update()
        learner.collect()
    theirs_gradients = theirs.gradients(theirs)
    difference = largest_difference(ours.gradients(theirs), theirs_gradients)
    times: list[list[tuple[float, float]]] = [[], []]
    for _ in range(rounds):
        for learner, found in zip(both, times, strict=True):
            found.append((timed(learner.collect), timed(learner.update)))
    own, other = ([*zip(*found, strict=True)] for found in times)
    training = statistics.median(b / a for a, b in zip(own[1], other[1], strict=True))
    whole = sum(map(sum, other)) / sum(map(sum, own))
    speed = [FRAMES * rounds / sum(found[1]) for found in (own, other)]
    return (
        f"| {library} | {task} | {hidden_size} | {speed[0]:,.0f} | {speed[1]:,.0f} | {training:.1f} | {whole:.1f} "
        f"| {difference:.0e} |"
    )


def compare_returns(library: str, task: str, hidden_size: int, epochs: int, frames: int) -> str:
    """Return a row of the table of returns: of the last 100 episodes, for every seed."""
    from benchmarks.policy_learners import FRAMES, LEARNERS

    row = []
    for whole in (True, False):
        found = []
        for seed in range(SEEDS):
            learner = LEARNERS[library](task, hidden_size, epochs, seed, whole=whole)
            for _ in range(frames // FRAMES):
                learner.collect()
                learner.update()
            found.append(learner.returned())
        row.append(f"{statistics.mean(found):.0f} ± {statistics.stdev(found):.0f}")
    return f"| {library} | {task} | {frames:,} | {' | '.join(row)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, two rounds, one epoch")
    parser.add_argument("--returns", action="store_true", help="compare returns instead of times")
    parser.add_argument("--library", choices=LIBRARIES, help="only this one")
    parser.add_argument("--task", choices=TASKS, help="only this one")
    parser.add_argument("--rounds", type=int, default=6, help="timed rollouts of each (6)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of an update (4)")
    parser.add_argument("--frames", type=int, default=30_720, help="frames of a run with --returns (30,720)")
    given = parser.parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        parser.error(f"{', '.join(missing)} cannot be imported. Install the peers: {INSTALL}")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rounds, epochs, sizes = (2, 1, (64,)) if given.quick else (given.rounds, given.epochs, (64, 256))
    frames = 2_048 if given.quick else given.frames
    print(processor(), "\n")
    if given.returns:
        print("| library | task | frames | return, ours | theirs |\n|---|---|---|---|---|")
    else:
        print("| library | task | H | ours, frames/s in training | theirs | times | with collection | gradients |")
        print("|---|---|---|---|---|---|---|---|")
    for library in [given.library] if given.library else LIBRARIES:
        for task in [given.task] if given.task else TASKS:
            for hidden_size in sizes[:1] if given.returns else sizes:
                row = (
                    compare_returns(library, task, hidden_size, epochs, frames)
                    if given.returns
                    else compare_speed(library, task, hidden_size, epochs, rounds)
                )
                print(row, flush=True)


if __name__ == "__main__":
    main()
