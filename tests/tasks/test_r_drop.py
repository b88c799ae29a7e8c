"""R-Drop: the loss of two passes and their disagreement, beside SciPy's relative entropy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr

from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.r_drop import RDropTask, disagreement
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.task import TagTask
from tidegate.train import TrainConfig

TEXTS = "__label__good what a film\n__label__bad what a mess of a film this is\n__label__good fine\n"
TAGGED = "Anna\tB-PER\nsleeps\tO\n\nin\tO\nold\tO\nRome\tB-LOC\nand\tO\nParis\tB-LOC\n\nBob\tB-PER\n"
SMALL = {"hidden_size": 5, "embedding_size": 4, "min_count": 1, "dropout": 0.4, "word_dropout": 0.2}
TASKS: dict[str, tuple[type[RDropTask], Any, str, str]] = {
    "classify": (ClassifyTask, ClassifyConfig, TEXTS, "label"),
    "tag": (TagTask, TagConfig, TAGGED, "tags"),
}


def relative_entropy(p: Any, q: Any) -> Any:
    """KL(p || q) of logits, by SciPy."""
    return rel_entr(np.exp(log_softmax(p, -1)), np.exp(log_softmax(q, -1))).sum(-1)


def test_disagreement_is_the_mean_of_both_relative_entropies() -> None:
    logits = 3 * torch.randn(6, 5, 4, dtype=torch.float64, requires_grad=True)
    p, q = logits.detach().numpy()[:3], logits.detach().numpy()[3:]
    expected = (relative_entropy(p, q) + relative_entropy(q, p)) / 2
    np.testing.assert_allclose(disagreement(logits).detach().numpy(), expected, rtol=1e-10)
    assert torch.autograd.gradcheck(disagreement, (logits,))


@pytest.mark.parametrize("name", TASKS)
def test_the_loss_is_the_mean_of_two_passes_and_alpha_times_half_their_disagreement(name: str, tmp_path: Path) -> None:
    kind, config_of, text, target = TASKS[name]
    data, config = tmp_path / "data.txt", config_of(**SMALL, r_drop=3.0)
    (data if name == "classify" else data.with_suffix(".conll")).write_text(text)
    sources = Sources((data if name == "classify" else data.with_suffix(".conll"),))
    examples = prepare_examples(kind, sources, config, tmp_path / "run", shares=(1.0, 0.0, 0.0))
    task = kind.create(examples, config, TrainConfig(batch_size=3, steps=1), 1)
    torch.manual_seed(0)
    model, batch, seen = task.new_model().train(), task.batches(0, 1).batch(0, 0), []
    model.register_forward_hook(lambda *call: seen.append(call[-1].detach().double().numpy()))
    loss = task.loss(model, batch, {}, 0.0)
    (logits,), (true, lengths) = seen, batch.columns[target]
    assert logits.shape[0] == 6
    p, q = logits[:3].reshape(3, -1, logits.shape[-1]), logits[3:].reshape(3, -1, logits.shape[-1])
    assert not np.allclose(p, q)
    steps = [(n, t) for n, length in enumerate(lengths.tolist()) for t in range(length)]
    nats = -np.mean([(log_softmax(one, -1)[n, t, true[n, t]]) for one in (p, q) for n, t in steps])
    apart = np.mean([(relative_entropy(p, q) + relative_entropy(q, p))[it] / 2 for it in steps])
    assert loss.penalty is not None
    assert loss.mean.item() == pytest.approx(nats, rel=1e-5)
    assert loss.penalty.item() == pytest.approx(3.0 / 2 * apart, rel=1e-4)


@pytest.mark.parametrize("config_of", [ClassifyConfig, TagConfig])
def test_r_drop_without_dropout_is_refused(config_of: Any) -> None:
    with pytest.raises(ArgumentError, match=r"r_drop is 1.0, but dropout and word_dropout are 0"):
        config_of(r_drop=1.0, dropout=0.0, word_dropout=0.0)
    assert config_of(r_drop=1.0, dropout=0.0, word_dropout=0.1).r_drop == 1


def test_r_drop_of_characters_needs_other_dropout_than_that_of_words(tmp_path: Path) -> None:
    config = ClassifyConfig(r_drop=1.0, dropout=0.0, level="characters", min_count=1)
    (data := tmp_path / "data.txt").write_text(TEXTS)
    with pytest.raises(ArgumentError, match="dropout is 0 and steps are characters: two passes would be the same"):
        prepare_examples(ClassifyTask, Sources((data,)), config, tmp_path / "run", shares=(1.0, 0.0, 0.0))


def test_r_drop_with_a_crf_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"r_drop is 2.0, but crf is chosen"):
        TagConfig(r_drop=2.0, crf=True)
