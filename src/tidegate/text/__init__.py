"""Language models: tokenizers, corpora, n-gram baselines, truncated BPTT, evaluation and generation."""

from tidegate.text.corpus.build_corpus import prepare_corpus
from tidegate.text.corpus.corpus import Corpus, open_corpus
from tidegate.text.corpus.memorization import longest_copy
from tidegate.text.corpus.ngrams import Baselines, ngram_baselines
from tidegate.text.corpus.read_files import find_files, read_text
from tidegate.text.corpus.streams import Streams, Window, fit_batch
from tidegate.text.evaluation import evaluate
from tidegate.text.model import LanguageModel, LanguageModelConfig
from tidegate.text.task import LanguageModelTask
from tidegate.text.tokenizers.tokenizer import (
    BPE,
    ByteTokenizer,
    CharacterTokenizer,
    Decoder,
    Tokenizer,
    load_tokenizer,
)

__all__ = [
    "BPE",
    "Baselines",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Corpus",
    "Decoder",
    "LanguageModel",
    "LanguageModelConfig",
    "LanguageModelTask",
    "Streams",
    "Tokenizer",
    "Window",
    "evaluate",
    "find_files",
    "fit_batch",
    "load_tokenizer",
    "longest_copy",
    "ngram_baselines",
    "open_corpus",
    "prepare_corpus",
    "read_text",
]
