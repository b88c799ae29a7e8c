"""A small trained language model whose text looks like HTML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.text import prepare_corpus
from tidegate.text.model import LanguageModelConfig
from tidegate.train import Run, TrainConfig, load_run, new_run, train

HOSTILE = """x = "<script>document.title='taken'</script>" # (a <b>bold</b> & 'quoted' note)
def f(a, [b]):\n    return {"key": '</script><img src=x onerror=alert(1)>'}\n"""


def small_run(folder: Path, text: str = HOSTILE * 60, *, prepared: Mapping[str, Any] = {}, **options: Any) -> Run:
    """A language model that was trained for a moment, on hostile text if nothing else is said."""
    source = folder.with_name(folder.name + ".txt")
    source.write_text(text, encoding="utf-8")
    corpus = new_run(folder, lambda to: prepare_corpus([source], to, **{"splits": (0.8, 0.1, 0.1), **prepared}))
    model = LanguageModelConfig(corpus.tokenizer.vocabulary_size, **{"hidden_size": 12, "num_layers": 2, **options})
    settings = TrainConfig(batch_size=4, k1=20, steps=25, warmup_steps=3, validate_every=10, report_every=5)
    train(folder, corpus, model, settings, sample=lambda model: HOSTILE)
    return load_run(folder)
