"""How near written texts come to the true ones: exact match, and BLEU and chrF from sacreBLEU."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.io.optional import needed
from tidegate.tasks.metrics_report import Metric


class TextScores(NamedTuple):
    """What was reached.

    Attributes:
        values: "exact match" from 0 to 1, "BLEU" and "chrF" from 0 to 100.
        signatures: of sacreBLEU, for the latter two.
    """

    values: dict[str, float]
    signatures: dict[str, str]


def text_scores(said: Sequence[str], truth: Sequence[str]) -> TextScores:
    """Compare texts, one by one and as a whole.

    BLEU counts runs of up to four words; where no true text has four, it takes runs of as many as there are, which
    its signature says ("eff:yes").

    Args:
        said: what was written.
        truth: what should have been.

    Raises:
        MissingDependencyError: sacreBLEU is not installed.
    """
    needed("sacrebleu", "BLEU and chrF need")
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    def bleu(**settings: Any) -> BLEU:
        return BLEU(force=True, **settings)  # the texts are meant as they are, even if they look tokenized

    metrics: dict[str, Any] = {"BLEU": bleu(), "chrF": CHRF()}
    if all(len(metrics["BLEU"].tokenizer(text).split()) < 4 for text in truth):
        metrics["BLEU"] = bleu(effective_order=True)
    values = {"exact match": sum(map(str.__eq__, said, truth)) / len(truth)}
    signatures = {}
    for name, metric in metrics.items():
        values[name] = metric.corpus_score(list(said), [list(truth)]).score
        signatures[name] = str(metric.get_signature())
    return TextScores(values, signatures)


def text_metrics(
    said: Sequence[str], truth: Sequence[str], baselines: Mapping[str, Sequence[str]], names: Sequence[str]
) -> tuple[list[Metric], str]:
    """The figures, each beside the best baseline; and a table with all of them and their signatures.

    Args:
        said: what the model wrote.
        truth: what it should have written.
        baselines: what needs no model, by name.
        names: which figures, in which order.
    """
    own = text_scores(said, truth)
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
