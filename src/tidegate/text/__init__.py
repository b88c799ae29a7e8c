"""Language models: tokenizers, corpora, n-gram baselines, truncated BPTT, evaluation and generation."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.text.config import CorpusConfig, LanguageModelConfig
    from tidegate.text.corpus.build_corpus import prepare_corpus
    from tidegate.text.corpus.corpus import Corpus, open_corpus
    from tidegate.text.corpus.memorization import longest_copy
    from tidegate.text.corpus.ngrams import Baselines, ngram_baselines
    from tidegate.text.corpus.read_files import find_files, read_text
    from tidegate.text.corpus.streams import Streams, Window, fit_batch
    from tidegate.text.evaluation import evaluate
    from tidegate.text.generation import generate
    from tidegate.text.model import LanguageModel
    from tidegate.text.task import LanguageModelTask
    from tidegate.text.tokenizers.tokenizer import (
        BPE,
        ByteTokenizer,
        CharacterTokenizer,
        Decoder,
        Tokenizer,
        WordTokenizer,
        load_tokenizer,
    )

__all__ = [
    "BPE",
    "Baselines",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Corpus",
    "CorpusConfig",
    "Decoder",
    "LanguageModel",
    "LanguageModelConfig",
    "LanguageModelTask",
    "Streams",
    "Tokenizer",
    "Window",
    "WordTokenizer",
    "evaluate",
    "find_files",
    "fit_batch",
    "generate",
    "load_tokenizer",
    "longest_copy",
    "ngram_baselines",
    "open_corpus",
    "prepare_corpus",
    "read_text",
]

# Modules are imported on use, so that the command line can list its options before torch is loaded.
_MODULES: dict[str, str] = dict.fromkeys(("CorpusConfig", "LanguageModelConfig"), "config")
_MODULES |= {"prepare_corpus": "corpus.build_corpus", "longest_copy": "corpus.memorization"}
_MODULES |= dict.fromkeys(("Corpus", "open_corpus"), "corpus.corpus")
_MODULES |= dict.fromkeys(("Baselines", "ngram_baselines"), "corpus.ngrams")
_MODULES |= dict.fromkeys(("find_files", "read_text"), "corpus.read_files")
_MODULES |= dict.fromkeys(("Streams", "Window", "fit_batch"), "corpus.streams")
_MODULES |= {"LanguageModel": "model", "LanguageModelTask": "task", "evaluate": "evaluation", "generate": "generation"}
_MODULES |= dict.fromkeys(
    ("BPE", "ByteTokenizer", "CharacterTokenizer", "Decoder", "Tokenizer", "WordTokenizer", "load_tokenizer"),
    "tokenizers.tokenizer",
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"tidegate.text.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'tidegate.text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
