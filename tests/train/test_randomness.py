"""Randomness is a function of the seed, the process and the step."""

from pathlib import Path

import torch
from tests.train.small_runs import train_in

from tidegate.train.randomness import own_randomness, seed_torch

CPU = torch.device("cpu")


def draws(*parts: int | str) -> list[float]:
    seed_torch(CPU, *parts)
    return torch.rand(4).tolist()


def test_same_parts_same_numbers_other_parts_others():
    with own_randomness(CPU):
        assert draws(1, 2, 3) == draws(1, 2, 3)
        others = [draws(*parts) for parts in [(1, 2, 3), (1, 2, 4), (1, 3, 2), (12, 3), ("1", 2, 3), (0, 2, 3)]]
        assert len({tuple(it) for it in others}) == len(others)


def test_the_callers_numbers_go_on_as_if_nothing_had_been():
    torch.manual_seed(0)
    expected = torch.rand(3).tolist()
    torch.manual_seed(0)
    with own_randomness(CPU):
        draws(5)
    assert torch.rand(3).tolist() == expected


def test_every_step_has_masks_of_its_own(tmp_path: Path):
    masks = []

    def watch(model) -> str:
        if not masks:
            masks.append(None)
            drop = model.drop_output

            def watched(output):
                dropped = drop(output)
                if model.training:
                    masks.append((dropped == 0).flatten().tolist())
                return dropped

            model.drop_output = watched
        return ""

    train_in(tmp_path / "run", model={"dropout": 0.5}, sample=watch, validate_every=1, steps=6)
    assert len(masks) == 6
    assert len({tuple(it) for it in masks[1:]}) == 5
