"""Metrics of texts: exact match, and BLEU and chrF by sacreBLEU."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.io.optional import importing
from tidegate.tasks.metrics_report import Metric


class TextScores(NamedTuple):
    """Scores of texts.

    Attributes:
        values: "exact match" from 0 to 1, "BLEU" and "chrF" from 0 to 100.
        signatures: signatures of sacreBLEU for the latter two.
    """

    values: dict[str, float]
    signatures: dict[str, str]


def text_scores(predicted: Sequence[str], truth: Sequence[str]) -> TextScores:
    """Compute the scores of texts.

    BLEU uses n-grams of up to four words; if no reference has four, shorter ones ("eff:yes" in its signature).

    Args:
        predicted: the texts of the model.
        truth: the references.

    Raises:
        MissingDependencyError: sacreBLEU is not installed.
    """
    with importing("sacrebleu", "BLEU and chrF need"):
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

    def bleu(**settings: Any) -> BLEU:
        return BLEU(force=True, **settings)  # also if the texts look tokenized

    metrics: dict[str, Any] = {"BLEU": bleu(), "chrF": CHRF()}
    if all(len(metrics["BLEU"].tokenizer(text).split()) < 4 for text in truth):
        metrics["BLEU"] = bleu(effective_order=True)
    values = {"exact match": sum(map(str.__eq__, predicted, truth)) / len(truth)}
    signatures = {}
    for name, metric in metrics.items():
        values[name] = metric.corpus_score(list(predicted), [list(truth)]).score
        signatures[name] = str(metric.get_signature())
    return TextScores(values, signatures)


def text_metrics(
    predicted: Sequence[str], truth: Sequence[str], baselines: Mapping[str, Sequence[str]], names: Sequence[str]
) -> tuple[list[Metric], str]:
    """Compute metrics beside the best baseline of each; and a table with all of them and their signatures.

    Args:
        predicted: the texts of the model.
        truth: the references.
        baselines: the texts of baselines, by name.
        names: the metrics, in order.
    """
    own = text_scores(predicted, truth)
    others = {name: text_scores(texts, truth).values for name, texts in baselines.items()}
    metrics = []
    for name in names:
        best = max(others, key=lambda it: others[it][name])
        metrics.append(Metric(name, own.values[name], best, others[best][name]))
    width = max(map(len, [*others, "the model"]))
    lines = [" " * width + "".join(f"{name:>13}" for name in names)]
    for title, values in {"the model": own.values, **others}.items():
        lines.append(f"{title:{width}}" + "".join(f"{values[name]:13.3f}" for name in names))
    lines += [f"{name}: {own.signatures[name]}" for name in names if name in own.signatures]
    return metrics, "\n".join(lines)
