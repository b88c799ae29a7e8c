"""A run of `train` against the plain PyTorch script: the same validation perplexity, to rounding."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from benchmarks.word_models import CLIP, PlainModel, plain_training
from tests.train.small_runs import corpus_in, lines, model_for

from tidegate.text import LanguageModel, Streams
from tidegate.train import TrainConfig, train
from tidegate.train.randomness import own_randomness, seed_torch

CPU, SEED, B, K1, STEPS, RATE = torch.device("cpu"), 3, 5, 7, 40, 2.0


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_training_is_that_of_a_plain_script(tmp_path: Path, dropout: float):
    corpus = corpus_in(tmp_path / "run")
    model = replace(model_for(corpus, num_layers=2, hidden_size=10, embedding_size=10), dropout=dropout)
    config = TrainConfig(
        optimizer="sgd",
        schedule="constant",
        learning_rate=RATE,
        clip=CLIP,
        warmup_steps=0,
        batch_size=B,
        k1=K1,
        steps=STEPS,
        validate_every=STEPS // 2,
        seed=SEED,
    )
    train(tmp_path / "run", corpus, model, config)
    found = [line["nats"] for line in lines(tmp_path / "run") if line["event"] == "validation"]

    streams = Streams(corpus.train, B, k1=K1, k2=K1)
    assert len(streams) > STEPS, "the script's state is never set to zero"
    with own_randomness(CPU):
        seed_torch(CPU, SEED, "initial values")
        plain = PlainModel(LanguageModel(model))
        step, expected = plain_training(plain, iter(streams), RATE), []
        for number in range(STEPS):
            seed_torch(CPU, SEED, 0, number)  # the masks of dropout
            step()
            if (number + 1) % (STEPS // 2) == 0:
                expected.append(validation(plain, torch.from_numpy(corpus.validation.astype("int64"))))
    assert found == pytest.approx(expected, rel=2e-5)
    assert found[1] < found[0] - 0.01, "it has learned"


@torch.no_grad()
def validation(plain: PlainModel, ids: torch.Tensor) -> float:
    plain.eval()
    features, _ = plain.features(ids[:-1, None], None)
    loss = plain.loss(features, ids[1:, None]).item()
    plain.train()
    return loss
