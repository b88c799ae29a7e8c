"""The continuous cache against a transcription of Grave, Joulin & Usunier 2017, place by place."""

import numpy as np
import pytest
import torch

from tidegate.errors import ArgumentError
from tidegate.text.continuous_cache import Cache
from tidegate.text.evaluation import evaluate
from tidegate.text.model import LanguageModel, LanguageModelConfig

TEXT = np.random.default_rng(0).integers(0, 7, 4501).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(7, hidden_size=5, embedding_size=3)).eval()


def transcription(model: LanguageModel, ids: np.ndarray, cache: Cache) -> float:
    """The equations of section 3, a loop over places and over the words of the cache."""
    text = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        features, _ = model.features(text[:, :-1])
        p_model = model.output(features).softmax(-1)[:, 0].double().numpy()
    h, words = features[:, 0].double().numpy(), ids.astype(int)
    total = 0.0
    for t in range(len(h)):
        p_cache = np.zeros(7)
        for i in range(max(0, t - cache.size), t):
            p_cache[words[i + 1]] += np.exp(cache.theta * h[t] @ h[i])
        p = p_model[t]
        if p_cache.sum():
            p = (1 - cache.weight) * p + cache.weight * p_cache / p_cache.sum()
        total -= np.log(p[words[t + 1]])
    return total / len(h)


@pytest.mark.parametrize("cache", [Cache(1), Cache(30, theta=2.0, weight=0.4), Cache(250, theta=0.0, weight=0.2)])
def test_it_is_the_papers(model, cache):
    found = evaluate(model, TEXT[:420], cache=cache)
    assert found.predictions == 419
    assert found.loss == pytest.approx(transcription(model, TEXT[:420], cache), rel=1e-6)
    assert found.loss != pytest.approx(evaluate(model, TEXT[:420]).loss, rel=1e-4)


def test_streams_side_by_side_give_the_figure_of_one(model):
    cache = Cache(120, theta=1.0, weight=0.3)
    one, two = (evaluate(model, TEXT, batch_size=count, warm_up=100, cache=cache) for count in (1, 2))
    assert one.predictions == two.predictions == 4500
    assert one.loss == pytest.approx(two.loss, rel=1e-6)


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 1, "theta": -1.0}, {"size": 1, "weight": 1.0}])
def test_values_out_of_range_are_refused(settings):
    with pytest.raises(ArgumentError, match="must be"):
        Cache(**settings)
