"""Words read with their n-grams: vectors, what is fitted, unseen words, dropout, refusals."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from tests.lens.tasks.tiny import tiny_run
from torch import nn

from tidegate.data.buckets import pad
from tidegate.data.columns import Examples
from tidegate.data.rows import Row
from tidegate.data.sources import Sources
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.subwords import Subwords, ngrams
from tidegate.errors import ArgumentError, DataError
from tidegate.io.records import to_record
from tidegate.lens.tasks import look_at
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.input_layer import SubwordInput
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.task import TagTask

TEXTS = "__label__a a good film\n__label__b a bad film\n__label__a goods are good\n__label__b bade badly , bad\n"
TAGGED = "Anna\tB-PER\nsleeps\tO\n\nin\tO\nold\tO\nRome\tB-LOC\nand\tO\nParis\tB-LOC\n\nAnn\tB-PER\n"
SMALL = ClassifyConfig(hidden_size=5, embedding_size=4, subwords="2-3", subword_min_count=2)
VOCABULARY = Vocabulary(["<unk>", "tide", "tides", "gate", "x"])
SUBWORDS = Subwords(Vocabulary(["<unk>", "<ti", "tid", "ide", "de>", "gat", "ate", "ide>"]), range(3, 5))


def layer(**dropout: float) -> SubwordInput:
    torch.manual_seed(1)
    return SubwordInput(VOCABULARY, 6, SUBWORDS, **({"word_dropout": 0.0, "subword_dropout": 0.0} | dropout)).double()


def batch(texts: list[list[str]]) -> tuple[Any, ...]:
    columns = [SUBWORDS.ragged([None if word in VOCABULARY else word for word in text]) for text in texts]
    tokens = pad([VOCABULARY.encode(text) for text in texts]).values
    return tokens, pad([values for values, _ in columns]), pad([counts for _, counts in columns])


def prepared(folder: Path, text: str = TEXTS, config: Any = SMALL, kind: Any = ClassifyTask, **more: Any) -> Examples:
    data = folder / ("data.conll" if kind is TagTask else "data.txt")
    data.write_text(text)
    return prepare_examples(kind, Sources((data,)), config, folder / "run", shares=(1.0, 0.0, 0.0), **more)


def test_a_words_vector_is_its_own_and_the_sum_of_its_ngrams_over_the_root_of_their_number() -> None:
    read = layer()
    words, vectors = read.embedding.weight.detach().numpy(), read.subwords.weight.detach().numpy()
    texts = [["tide", "gates", "x", "tide", "zzz"], [], ["riptide", "tides"], ["x"]]
    found = read(*batch(texts)).detach().numpy()
    assert found.shape == (4, 5, 6)
    for n, text in enumerate(texts):
        for t, word in enumerate(text):
            own = words[VOCABULARY.number(word)]
            known = [
                SUBWORDS.vocabulary.entries.index(it) for it in ngrams(word, range(3, 5)) if it in SUBWORDS.vocabulary
            ]
            expected = own + (np.sum([vectors[it] for it in known], axis=0) / np.sqrt(len(known)) if known else 0)
            np.testing.assert_allclose(found[n, t], expected, rtol=1e-12)


def test_gradients_are_those_of_embeddings() -> None:
    """Those of a product with the n-grams' shares, which torch differentiates."""
    read, texts = layer(), [["tide", "gates", "x", "tide"], ["zzz", "tides", "ideal", "x"]]
    shares = torch.zeros(2, 4, len(SUBWORDS), dtype=torch.float64)
    for n, text in enumerate(texts):
        for t, word in enumerate(text):
            for it in SUBWORDS.ids(word):
                shares[n, t, it] += len(SUBWORDS.ids(word)) ** -0.5
    towards = torch.randn(2, 4, 6, dtype=torch.float64)
    (read(*batch(texts)) * towards).sum().backward()
    found, vectors = read.subwords.weight.grad, nn.Parameter(read.subwords.weight.detach().clone())
    ((shares @ vectors) * towards).sum().backward()
    assert found is not None
    torch.testing.assert_close(found, vectors.grad)


def test_dropout_leaves_ngrams_out_and_keeps_the_size() -> None:
    read = layer(subword_dropout=0.5).train()
    own, vectors = read.embedding.weight[1].detach(), read.subwords.weight.detach()
    ids = SUBWORDS.ids("tide")
    means = [vectors[list(kept)].mean(0) * len(ids) ** 0.5 for n in range(1, 6) for kept in combinations(ids, n)]
    possible = own + torch.stack([*means, torch.zeros(6, dtype=torch.float64)])
    seen = set()
    for _ in range(60):
        (nearest,) = (possible - read(*batch([["tide"]]))[0, 0]).norm(dim=1).topk(1, largest=False).indices.tolist()
        assert torch.allclose(possible[nearest], read.eval()(*batch([["tide"]]))[0, 0]) == (
            nearest == len(possible) - 2
        )
        read.train()
        seen.add(nearest)
    assert len(seen) > 10


def test_word_dropout_keeps_the_ngrams() -> None:
    read = layer(word_dropout=0.999999).train()
    kept = read(*batch([["tide"]]))[0, 0] - read.embedding.weight[0]
    torch.testing.assert_close(kept, read.subwords.weight[SUBWORDS.ids("tide")].sum(0) / 5**0.5)


def test_ngrams_are_those_of_the_training_words_also_rare_ones(tmp_path: Path) -> None:
    examples = prepared(tmp_path)
    words = {word for line in TEXTS.splitlines() for word in line.split()[1:]}
    found = CountVectorizer(analyzer="char", ngram_range=(2, 3), min_df=2).fit([f"<{word}>" for word in words])
    entries = examples.preprocessing.vocabulary("subwords").entries
    assert entries[0] == "<unk>"
    assert set(entries[1:]) == set(found.get_feature_names_out())
    assert any("words outside the vocabulary are read by their n-grams" in note for note in examples.notes)
    assert set(examples.preprocessing.vocabulary("words").entries) == {"<unk>", "a", "bad", "film", "good"}
    rows = examples.parts["train"].rows([3])
    ids = Subwords(examples.preprocessing.vocabulary("subwords"), range(2, 4)).ids
    assert rows["inputs"][0].tolist()[:3] == [0, 0, 0]
    assert rows["subwords"][0].tolist() == ids("bade") + ids("badly")
    assert rows["subword_counts"][0].tolist() == [len(ids("bade")), len(ids("badly")), 0, 0]


def test_predictions_and_looks_distinguish_unseen_words(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text(TEXTS)
    task, run = tiny_run(ClassifyTask, [tmp_path / "texts.txt"], SMALL)
    with torch.no_grad():
        run.model.input.subwords.weight.mul_(20)  # type: ignore[union-attr, operator]
    texts = ["a goodish film", "a badish film", "a goodish film , gooood bad"]
    said = [it["probabilities"] for _, it in task.predict_rows(run.model, [Row("", {"text": it}) for it in texts])]
    assert abs(said[0]["a"] - said[1]["a"]) > 0.01
    for text, expected in zip(texts, said, strict=True):
        look = look_at(run, text)
        assert look.steps["input"].read == tuple(text.split())
        assert look.prediction["probabilities"] == pytest.approx(expected, rel=1e-4)


def test_a_tagger_reads_ngrams_beside_spelling(tmp_path: Path) -> None:
    config = TagConfig(hidden_size=5, embedding_size=4, character_hidden_size=3, subwords="2", subword_min_count=1)
    (tmp_path / "data.conll").write_text(TAGGED)
    task, run = tiny_run(TagTask, [tmp_path / "data.conll"], replace(config, min_count=1))
    read = run.model.input
    assert isinstance(read, SubwordInput)
    assert len(read.subwords.weight) == 1 + len(
        {it for line in TAGGED.lower().split("\n") if line for it in ngrams(line.split("\t")[0], range(2, 3))}
    )
    before = list(task.predict_rows(run.model, [Row("", {"tokens": ["Annas", "romes"]})]))
    with torch.no_grad():
        read.subwords.weight.zero_()
    after = list(task.predict_rows(run.model, [Row("", {"tokens": ["Annas", "romes"]})]))
    assert str(before) != str(after)


def test_pretrained_vectors_are_those_of_words(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("film 1 2 3 4\nfilmed 4 3 2 1\n")
    examples = prepared(tmp_path, vectors=tmp_path / "vectors.txt", vector_words=9)
    read: Any = ClassifyTask(SMALL, examples.preprocessing, examples).new_model().input  # type: ignore[attr-defined]
    words = examples.preprocessing.vocabulary("words")
    assert read.embedding.weight[words.number("filmed")].tolist() == [4, 3, 2, 1]
    assert read.counts[words.number("filmed")] > 0


def test_a_run_without_them_is_written_as_before(tmp_path: Path) -> None:
    config = ClassifyConfig(hidden_size=5)
    assert not [name for name in to_record(config) if "subword" in name]
    assert prepared(tmp_path, config=config).parts["train"].columns.keys() == {"inputs", "label"}


def test_what_cannot_have_ngrams_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="subwords is '2-3', but steps are characters: only words have n-grams"):
        prepared(tmp_path, config=replace(SMALL, level="characters"))
    np.savez(tmp_path / "a.npz", frames=np.ones((3, 2, 4)), labels=np.arange(3))
    with pytest.raises(ArgumentError, match="subwords is '2-3', but steps are frames"):
        prepare_examples(ClassifyTask, Sources((tmp_path / "a.npz",)), SMALL, tmp_path / "run", shares=(1.0, 0.0, 0.0))
    with pytest.raises(DataError, match=r"No n-gram of 2-3 characters occurs in 99 words .* lower --subword-min-count"):
        prepared(tmp_path, config=replace(SMALL, subword_min_count=99))


@pytest.mark.parametrize("changed", [{"subword_dropout": 0.2}, {"subword_min_count": 2}])
def test_settings_of_ngrams_need_ngrams(changed: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"{next(iter(changed))} is .*, but without subwords there are no n-grams"):
        TagConfig(**changed)
