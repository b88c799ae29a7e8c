"""Dynamic evaluation against the equations of Krause et al. (2018), written with torch.nn's modules and autograd."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.text.dynamic_evaluation import DynamicEvaluation, Rule, evaluate_dynamically
from tidegate.text.evaluation import evaluate
from tidegate.text.model import LanguageModel, LanguageModelConfig

TRAINING, TEXT = (np.random.default_rng(seed).integers(0, 7, count) for seed, count in ((0, 523), (1, 83)))


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(7, hidden_size=5, num_layers=2, embedding_size=5, tie_weights=True))


class Plain(nn.Module):
    """The same model of torch's own layers."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(7, 5), nn.LSTM(5, 5, 2)
        self.bias = nn.Parameter(dict(model.named_parameters())["output.bias"].detach().clone())
        own = dict(model.recurrent.named_parameters())
        with torch.no_grad():
            self.embedding.weight.copy_(model.output.weight)
            for name, parameter in self.lstm.named_parameters():
                if name.startswith("bias_hh"):
                    parameter.zero_().requires_grad_(False)
                else:
                    parameter.copy_(own[name.replace("bias_ih", "bias")])

    def losses(self, ids: torch.Tensor, segment: int):
        """The mean loss of each segment of streams (T, B), one after the other."""
        state = None
        for start in range(0, len(ids) - 1, segment):
            stop = min(start + segment, len(ids) - 1)
            h, state = self.lstm(self.embedding(ids[start:stop]), state)
            state = tuple(part.detach() for part in state)
            logits = h @ self.embedding.weight.t() + self.bias
            yield nn.functional.cross_entropy(logits.flatten(0, 1), ids[start + 1 : stop + 1].flatten())


def transcription(model: LanguageModel, rule: Rule, rate: float, decay: float, segment: int) -> float:
    """The rules of the authors' program, whose gradients are of a mean loss."""
    plain = Plain(model)
    parameters = [it for it in plain.parameters() if it.requires_grad]
    trained = [it.detach().clone() for it in parameters]
    roots = [torch.ones(()) for _ in parameters]
    if rule == "rms":
        positions = (len(TRAINING) - 1) // 100
        streams = torch.tensor([TRAINING[n * positions : (n + 1) * positions + 1].tolist() for n in range(100)]).t()
        gradients = [torch.autograd.grad(loss, parameters) for loss in plain.losses(streams, segment)]
        roots = [torch.stack(own).square().mean(0).sqrt() for own in zip(*gradients, strict=True)]
    mean = torch.stack([it.mean() for it in roots]).mean()
    losses = []
    for loss in plain.losses(torch.tensor(TEXT)[:, None], segment):
        losses += [loss.item()] * min(segment, len(TEXT) - 1 - len(losses))
        for own, origin, root, gradient in zip(
            parameters, trained, roots, torch.autograd.grad(loss, parameters), strict=True
        ):
            back = (decay * root / mean).clamp(max=1) if rule == "rms" else decay
            scaled = gradient / (root + 2e-5) if rule == "rms" else gradient
            own.data = own.data - rate * scaled + back * (origin - own.data)
    return float(np.mean(losses))


@pytest.mark.parametrize(("rule", "rate", "decay", "segment"), [("sgd", 0.7, 0.1, 5), ("rms", 0.003, 0.3, 4)])
def test_it_is_the_papers(model, rule, rate, decay, segment):
    before = copy.deepcopy(model.state_dict())
    found = evaluate_dynamically(model, TEXT, DynamicEvaluation(rule, rate, decay, segment), training=TRAINING)
    assert found.loss == pytest.approx(transcription(model, rule, rate, decay, segment), rel=1e-5)
    assert found.predictions == len(TEXT) - 1
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert all(it.grad is None for it in model.parameters())


def test_without_learning_it_is_the_evaluation_of_one_stream(model):
    dynamic = DynamicEvaluation("sgd", learning_rate=0.0, decay=1.0)
    found = evaluate_dynamically(model, TEXT, dynamic, training=None)
    assert found.loss == pytest.approx(evaluate(model, TEXT, batch_size=1).loss, rel=1e-6)


def test_a_text_that_repeats_is_learned(model):
    text = np.tile(TEXT[:9], 30)
    found = evaluate_dynamically(model, text, DynamicEvaluation("sgd", learning_rate=0.5), training=None)
    assert found.loss < evaluate(model, text).loss - 0.1


def test_what_cannot_be_is_refused(model):
    refused: list[dict[str, Any]] = [
        {"rule": "adam"}, {"learning_rate": -1}, {"learning_rate": np.inf}, {"decay": 1.1}, {"segment": 0}
    ]  # fmt: skip
    for options in refused:
        with pytest.raises(ArgumentError, match=f"{next(iter(options))} is"):
            DynamicEvaluation(**options)
    with pytest.raises(ArgumentError, match="which is not there: choose 'sgd'"):
        evaluate_dynamically(model, TEXT, DynamicEvaluation("rms"), training=None)
    with pytest.raises(CorpusTooSmallError, match="has 1 tokens"):
        evaluate_dynamically(model, TEXT[:1], DynamicEvaluation(), training=None)
    with pytest.raises(ArgumentError, match="choose a learning rate smaller than 1e\\+39"):
        evaluate_dynamically(model, TEXT, DynamicEvaluation(learning_rate=1e39), training=None)
