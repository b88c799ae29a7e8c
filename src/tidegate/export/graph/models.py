"""Models as graphs: modules, and those of Tidegate's tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.modules import add_input, add_module, add_recurrent, fixed, refused
from tidegate.export.graph.parts import Columns, Concat, Numbers, OneHot, Pool
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.classify.task import Classifier
from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.input_layer import SubwordInput
from tidegate.tasks.layers import FrameInput, TokenInput
from tidegate.tasks.layers import Pool as PoolLayer
from tidegate.tasks.probe.task import Probe
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.seq2seq.caption import Captioner
from tidegate.tasks.seq2seq.translate import Translator
from tidegate.tasks.tag.model import Tagger
from tidegate.text import LanguageModel
from tidegate.text.output_layer import AdaptiveSoftmax

OUTPUT = "y"


def graph_of(model: nn.Module) -> Graph:
    """Return a model as a graph, in evaluation: without dropout, noise as its expectation.

    Args:
        model: recurrent layers of Tidegate or ``torch.nn``, alone or in an ``nn.Sequential`` with other layers (see
            `tidegate.export.graph.modules`), or a model of a task of Tidegate.

    Returns:
        Its graph. Language models, taggers and classifiers return logits, forecasters the numbers of the distributions,
        one target's after another's, and regressors values, all as the model itself does.

    Raises:
        ArgumentError: something in it cannot be exported; the message says what and where.
    """
    graph = Graph()
    with torch.no_grad(), evaluating(model):
        for kind, add in MODELS.items():
            if isinstance(model, kind):
                graph.outputs[OUTPUT] = add(graph, model)
                return graph
        x = add_input(graph, model)
        y = add_module(graph, model, x)
    if y is x:
        raise ArgumentError(f"{type(model).__name__} has nothing in it that computes.")
    graph.outputs[OUTPUT] = y
    return graph


def _language_model(graph: Graph, model: LanguageModel) -> Value:
    if isinstance(model.output, AdaptiveSoftmax):
        raise refused(
            model.output, "output", "its output layer is an adaptive softmax; train it without --adaptive-softmax"
        )
    tokens = graph.input("tokens", tokens=model.vocabulary_size)
    if model.embedding is None:
        x = graph.add(OneHot(model.vocabulary_size), tokens)
    else:
        x = add_module(graph, model.embedding, tokens, "embedding")
    x = add_recurrent(graph, model.recurrent, x, "recurrent")
    return add_module(graph, model.output, x, "output")


def _input(graph: Graph, module: nn.Module) -> Value:
    match module:
        case SubwordInput():
            raise refused(module, "input", "it adds vectors of words' n-grams; train it without --subwords")
        case TokenInput():
            tokens = graph.input("tokens", tokens=module.embedding.num_embeddings)
            return add_module(graph, module.embedding, tokens, "input")
        case FrameInput():
            x = graph.input("x", len(module.mean))
            return _affine(graph, x, fixed(module.scale), -fixed(module.mean) * fixed(module.scale))
        case _:
            raise refused(module, "input", "its input is neither tokens nor frames")


def _affine(graph: Graph, x: Value, scale: Tensor, shift: Tensor) -> Value:
    return graph.apply("add", graph.apply("mul", x, graph.add(Numbers(scale))), graph.add(Numbers(shift)))


def _tagger(graph: Graph, model: Tagger) -> Value:
    if model.spelling is not None:
        raise refused(
            model, "spelling", "it reads the characters of each word too; train it with --character-hidden-size 0"
        )
    if model.crf is not None:
        raise refused(
            model,
            "crf",
            "it chooses the best sequence of tags, not one at each step; train it without --crf and --valid-spans",
        )
    x = add_recurrent(graph, model.recurrent, _input(graph, model.input), "recurrent")
    return add_module(graph, model.output, x, "output")


def _classifier(graph: Graph, model: Classifier) -> Value:
    x = add_recurrent(graph, model.recurrent, _input(graph, model.input), "recurrent")
    return add_module(graph, model.output, _pooled(graph, model.pool, x), "output")


def _pooled(graph: Graph, pool: PoolLayer, x: Value) -> Value:
    if pool.kind == "last":  # the final states: that of the reverse direction is its output at the first step
        ways = x.of if isinstance(x.part, Concat) else (x,)
        ends = [graph.add(Pool("first" if n else "last"), it, place="pool") for n, it in enumerate(ways)]
        return ends[0] if len(ends) == 1 else graph.add(Concat(), *ends, place="pool")
    if pool.kind == "attention":
        hidden = graph.apply("tanh", add_module(graph, pool.hidden, x, "pool.hidden"))
        return graph.add(Pool("attention"), x, add_module(graph, pool.score, hidden, "pool.score"), place="pool")
    return graph.add(Pool("mean" if pool.kind == "mean" else "max"), x, place="pool")


def _forecaster(graph: Graph, model: Forecaster) -> Value:
    if model.static is not None or model.labels is not None:
        raise refused(model, "static", "it reads categories beside its frames, which only numbers can stand for")
    if model.elapsed is not None:
        raise refused(model, "elapsed", "its cell takes the time before each step, which is in the frame before")
    x = graph.input("x", model.recurrent.input_size)
    h = add_recurrent(graph, model.recurrent, x, "recurrent")
    given, size = add_module(graph, model.output, h, "output"), model.distribution.size
    found = []
    for k in range(model.targets):
        own = graph.add(Columns(k * size, (k + 1) * size), given) if model.targets > 1 else given
        last = graph.apply("mul", graph.add(Columns(k, k + 1), x), float(model.last[k]))
        first = graph.apply("add", graph.add(Columns(0, 1), own), last)
        found += [first, graph.add(Columns(1, size), own)] if size > 1 else [first]
        if model.distribution.counts:
            at = x.size - model.targets + k
            found.append(graph.add(Columns(at, at + 1), x))
    return graph.add(Concat(), *found) if len(found) > 1 else found[0]


def _regressor(graph: Graph, model: Regressor) -> Value:
    return add_regressor(graph, model, graph.input("x", model.recurrent.input_size))


def add_regressor(graph: Graph, model: Regressor, x: Value) -> Value:
    """Add what a model of the task regress computes from normalised inputs."""
    masks = None if model.elapsed is None else {MASK: _elapsed(graph, x, model.elapsed)}
    h = add_recurrent(graph, model.recurrent, x, "recurrent", masks)
    y = add_module(graph, model.output, h, "output")
    return y if model.direct is None else graph.apply("add", y, add_module(graph, model.direct, x, "direct"))


def _elapsed(graph: Graph, x: Value, times: ElapsedTimes) -> Value:
    column = graph.add(Columns(times.column, times.column + 1), x)
    if times.how == "log":
        return graph.apply("exp", graph.apply("mul", column, times.deviation))
    usual = graph.apply("add", graph.apply("mul", column, times.deviation / times.mean), 1.0)
    return graph.apply("maximum", usual, 0.0)


def _probe(graph: Graph, model: Probe) -> Value:
    x = graph.input("x", model.recurrent.input_size)
    return add_module(graph, model.output, add_recurrent(graph, model.recurrent, x, "recurrent"), "output")


def _decoder(graph: Graph, model: nn.Module) -> Value:
    raise refused(model, "", "it writes a sequence of another length than it reads, and looks back at all of the first")


MODELS: dict[type[nn.Module], Callable[[Graph, Any], Value]] = {
    LanguageModel: _language_model,
    Tagger: _tagger,
    Classifier: _classifier,
    Forecaster: _forecaster,
    Regressor: _regressor,
    Probe: _probe,
    Translator: _decoder,
    Captioner: _decoder,
}
"""How the models of tasks are read."""
