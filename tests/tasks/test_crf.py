"""The conditional random field against sums and maxima over all sequences of tags, at odd sizes and lengths."""

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tidegate.data.buckets import Padded
from tidegate.data.sources import Sources
from tidegate.errors import DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.crf import ConditionalRandomField
from tidegate.tasks.tag.model import Tagger
from tidegate.tasks.tag.scores import UNSEEN
from tidegate.tasks.tag.spans import fault
from tidegate.tasks.tag.task import TagTask
from tidegate.train import TrainConfig, load_run, new_run, train

BIO = ["B-L", "B-P", "I-L", "I-P", "O"]
BIOES = [f"{letter}-P" for letter in "BIES"] + ["O"]
LENGTHS = [4, 1, 3]


def field(labels: list[str], scheme: str | None = None, *, learned: bool = True) -> ConditionalRandomField:
    layer = ConditionalRandomField(labels, scheme, learned=learned).double()
    draw = torch.Generator().manual_seed(len(labels))
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
    return layer


def every_sequence(
    layer: ConditionalRandomField, scores: Tensor, labels: list[str], scheme: str | None
) -> dict[tuple[int, ...], float]:
    """The summed scores of all sequences of one example that the scheme allows: the definition, spelled out."""
    found, start, between, end = {}, layer.start.tolist(), layer.transitions.tolist(), layer.end.tolist()
    given = scores.tolist()
    for tags in product(range(len(labels)), repeat=len(scores)):
        if scheme is None or fault([labels[it] for it in tags], scheme) is None:
            steps = sum(given[t][tag] for t, tag in enumerate(tags))
            found[tags] = start[tags[0]] + steps + sum(between[a][b] for a, b in pairwise(tags)) + end[tags[-1]]
    return found


CASES = pytest.mark.parametrize(
    ("labels", "scheme", "learned"),
    [
        (["X", "Y", "Z"], None, True),
        (BIO, "BIO", True),
        (BIO, "IOB1", True),
        (BIOES, "BIOES", True),
        (BIO, "BIO", False),
    ],
)


@CASES
def test_it_is_what_all_sequences_together_say(labels: list[str], scheme: str | None, learned: bool) -> None:
    layer, count = field(labels, scheme, learned=learned), len(labels)
    scores = torch.randn(3, 4, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    lengths, tags = torch.tensor(LENGTHS), torch.zeros(3, 4, dtype=torch.int64)
    tables = [every_sequence(layer, scores[n, :length].detach(), labels, scheme) for n, length in enumerate(LENGTHS)]
    for n, table in enumerate(tables):
        tags[n, : LENGTHS[n]] = torch.tensor(list(table)[len(table) // 2])
    with torch.inference_mode():
        partition, best = layer.log_partition(scores, lengths), layer.best(scores, lengths)
        likelihood, marginals = layer.log_likelihood(scores, tags, lengths), layer.marginals(scores, lengths)
        log_marginals = layer.log_marginals(scores, lengths)
    for n, (table, length) in enumerate(zip(tables, LENGTHS, strict=True)):
        whole = np.logaddexp.reduce(list(table.values()))
        assert float(partition[n]) == pytest.approx(whole)
        assert tuple(best[n, :length].tolist()) == max(table, key=table.__getitem__)
        assert float(likelihood[n]) == pytest.approx(table[tuple(tags[n, :length].tolist())] - whole)
        expected = np.zeros((4, count))
        for path, score in table.items():
            expected[range(length), path] += np.exp(score - whole)
        np.testing.assert_allclose(marginals[n].numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(log_marginals[n].exp().numpy(), expected, atol=1e-12)


def test_an_unknown_tag_may_be_any() -> None:
    layer, labels = field(["X", "Y", "Z"]), ["X", "Y", "Z"]
    scores, lengths = torch.randn(1, 4, 3, dtype=torch.float64), torch.tensor([4])
    table = every_sequence(layer, scores[0], labels, None)
    tags = torch.tensor([[2, UNSEEN, 0, UNSEEN]])
    agreeing = [score for path, score in table.items() if path[0] == 2 and path[2] == 0]
    expected = np.logaddexp.reduce(agreeing) - np.logaddexp.reduce(list(table.values()))
    assert layer.log_likelihood(scores, tags, lengths).item() == pytest.approx(expected)


@CASES
def test_gradients(labels: list[str], scheme: str | None, learned: bool) -> None:
    layer = field(labels, scheme, learned=learned)
    scores = torch.randn(3, 4, len(labels), dtype=torch.float64, requires_grad=True)
    tags, lengths = torch.full((3, 4), len(labels) - 1), torch.tensor(LENGTHS)
    inputs = (scores, *layer.parameters())
    assert torch.autograd.gradcheck(lambda *_: layer.log_likelihood(scores, tags, lengths), inputs)
    assert torch.autograd.gradcheck(lambda *_: layer.log_marginals(scores, lengths).exp(), inputs)
    layer.log_likelihood(scores, tags, lengths).sum().backward()
    assert scores.grad is not None
    assert not scores.grad[1, 1:].any()  # padding


def test_extreme_scores_in_single_precision() -> None:
    layer = ConditionalRandomField(BIO, "BIO")
    scores = torch.randn(2, 50, 5) * 300
    lengths = torch.tensor([50, 7])
    best = layer.best(scores, lengths)
    assert torch.isfinite(layer.log_likelihood(scores, best, lengths)).all()
    assert [fault([BIO[it] for it in row[:n]], "BIO") for row, n in zip(best.tolist(), [50, 7], strict=True)] == [
        None
    ] * 2


def written(folder: Path, text: str) -> Sources:
    (folder / "a.conll").write_text(text)
    return Sources((folder / "a.conll",), (folder / "a.conll",))


SENTENCES = "a\tB-P\nb\tI-P\nc\tO\n\nc\tO\na\tB-P\n\nb\tB-P\nb\tI-P\na\tI-P\nc\tO\n\n" * 4
SMALL = {"hidden_size": 5, "embedding_size": 4, "character_hidden_size": 2, "min_count": 1}


@pytest.mark.parametrize("options", [{"crf": True}, {"crf": True, "valid_spans": True}, {"valid_spans": True}])
def test_a_tagger_learns_with_it_and_says_its_marginals(tmp_path: Path, options: dict[str, bool]) -> None:
    config = TagConfig(**SMALL, **options)  # type: ignore[arg-type]
    source, settings = written(tmp_path, SENTENCES), TrainConfig(steps=12, learning_rate=0.05, warmup_steps=1)
    data = new_run(tmp_path / "run", lambda to: prepare_examples(TagTask, source, config, to), task="tag")
    train(tmp_path / "run", data, config, settings, task="tag")
    run = load_run(tmp_path / "run")
    task = TagTask(run.config.model, run.vocabulary)
    rows = list(task.read(tmp_path / "a.conll", config))
    for _, answer in task.predict_rows(run.model, rows):
        assert all(0 < it <= 1 for it in answer["probabilities"])
        assert not options.get("valid_spans") or fault(answer["tags"], "BIO") is None
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["model"]
    assert {name: stored[name] for name in ("crf", "valid_spans") if name in stored} == options
    losses = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    nats = [it["nats"] for it in losses if "nats" in it]
    assert nats[-1] < nats[0]


def test_without_it_a_run_is_written_as_before(tmp_path: Path) -> None:
    model = TagTask.make_model(TagConfig(**SMALL), prepared(tmp_path, SENTENCES, TagConfig(**SMALL)), None)  # type: ignore[arg-type]
    assert not [name for name, _ in model.named_parameters() if name.startswith("crf")]


def prepared(folder: Path, text: str, config: TagConfig):
    return prepare_examples(TagTask, written(folder, text), config, folder / "run").preprocessing


def test_tags_that_break_the_scheme_cannot_be_learned_as_valid(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mark no spans, but --valid-spans is about spans"):
        prepared(tmp_path, "a\tX\nb\tY\n", TagConfig(valid_spans=True))
    with pytest.raises(DataError, match="mark no spans, but --recall-margin is about spans"):
        prepared(tmp_path, "a\tX\nb\tY\n", TagConfig(recall_margin=1.0))
    with pytest.raises(DataError, match=r"a\.conll, line 2: 'I-P' follows no 'B-P'"):
        prepared(tmp_path, "a\tO\nb\tI-P\nc\tB-P\n", TagConfig(valid_spans=True, scheme="BIO"))


@pytest.mark.parametrize("crf", [True, False])
def test_the_margin_makes_a_missed_span_dear_in_training_alone(tmp_path: Path, crf: bool) -> None:
    """As its definition: exp(score + cost) in Z for every sequence, the cost counting the steps missed."""
    options = SMALL | {"crf": crf, "dropout": 0.0}
    preprocessing = prepared(tmp_path, SENTENCES, TagConfig(**options))  # type: ignore[arg-type]
    labels = preprocessing.vocabulary("labels").entries
    model = Tagger(TagConfig(**options, recall_margin=1.5), preprocessing)  # type: ignore[arg-type]
    scores, lengths = torch.randn(1, 3, len(labels)), torch.tensor([3])
    tags = torch.tensor([[labels.index(it) for it in ("B-P", "I-P", "O")]])
    with torch.no_grad():
        plain = model.eval().losses(scores, Padded(tags, lengths)).sum().item()
        dear = model.train().losses(scores, Padded(tags, lengths)).sum().item()
    given, outside = scores[0].tolist(), labels.index("O")
    paths = list(product(range(len(labels)), repeat=3))
    totals = [sum(given[t][tag] for t, tag in enumerate(path)) for path in paths]
    cost = [1.5 * ((path[0] == outside) + (path[1] == outside)) for path in paths]
    true = totals[paths.index(tuple(tags[0].tolist()))]
    assert plain == pytest.approx(np.logaddexp.reduce(totals) - true, abs=1e-5)
    assert dear == pytest.approx(np.logaddexp.reduce(np.add(totals, cost)) - true, abs=1e-5)
