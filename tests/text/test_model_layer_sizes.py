"""Language models whose layers differ in size, as the AWD-LSTM's do."""

from typing import Any

import pytest
import torch

from tidegate.errors import ArgumentError
from tidegate.lens import ablate, effect, read
from tidegate.text import CharacterTokenizer
from tidegate.text.generation import generate
from tidegate.text.model import LanguageModel, LanguageModelConfig

TOKENIZER = CharacterTokenizer("\nabcdef")


def model_of(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(TOKENIZER.vocabulary_size, layer_sizes="9,12,5", **options))


def test_the_config_knows_the_sizes():
    config = LanguageModelConfig(65, layer_sizes="1150,1150,400", embedding_size=400, tie_weights=True)
    assert (config.sizes, config.hidden_size, config.num_layers) == ([1150, 1150, 400], 1150, 3)
    assert LanguageModelConfig(65, hidden_size=8, num_layers=2).sizes == [8, 8]
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"layer_sizes": "8,"}, "whole numbers above 0"),
        ({"layer_sizes": "8,0"}, "whole numbers above 0"),
        ({"layer_sizes": "8,6", "hidden_size": 9}, "hidden_size is 9, but with layer_sizes='8,6' it is 8"),
        ({"layer_sizes": "8,6", "num_layers": 3}, "num_layers is 3, but with layer_sizes='8,6' it is 2"),
        ({"layer_sizes": "8,6", "tie_weights": True, "embedding_size": 8}, "the last of layer_sizes.* 8 and 6"),
        ({"layer_sizes": "80,6", "adaptive_softmax": "10,20"}, "the last layer has 6 hidden units"),
    )
    for options, said in refused:
        with pytest.raises(ArgumentError, match=said):
            LanguageModelConfig(65, **options)


def test_the_parameters_are_those_of_the_paper():
    # Merity et al. (2018) report 24 million for the Penn Treebank; torch's second biases are not among ours.
    config = LanguageModelConfig(10_000, layer_sizes="1150,1150,400", embedding_size=400, tie_weights=True)
    with torch.device("meta"):
        counted = sum(it.numel() for it in LanguageModel(config).parameters())
    assert counted == 24_221_600 - 4 * (1150 + 1150 + 400)


def test_writing_step_by_step_is_the_run_and_the_lens_reads_it():
    model = model_of(embedding_size=5, tie_weights=True).eval()
    ids = torch.tensor([[0, 1, 2, 0]])
    logits, state = model(ids)
    assert [it.shape for it in state] == [it.shape for it in model.zero_state(1)] == [(3, 1, 12)] * 2
    reader = model.reader(model.zero_state(1))
    torch.testing.assert_close(torch.stack([reader(ids[:, n]) for n in range(4)], 1), logits)
    text = "".join(piece.text for piece in generate(model, TOKENIZER, "", length=8, seed=0))
    reading = read(model, TOKENIZER, text)
    assert [reading.trace[k, 0]["c"].shape for k in range(3)] == [(8, 9), (8, 12), (8, 5)]
    found = effect(model, TOKENIZER, text, ablate(2, "c", 4), controls=3)
    assert {one.unit for row in found.controls for one in row} <= set(range(4))
    with pytest.raises(ArgumentError, match=r"the hidden units are 0\.\.4"):
        effect(model, TOKENIZER, text, ablate(2, "c", 5))
