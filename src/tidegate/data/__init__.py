"""Files to examples to batches: text encoded on disk, streams for truncated BPTT, baselines, copies found.

`prepare_corpus` reads text files into a memory-mapped array of units (`Characters`, `Bytes` or `BPE`), `Streams` cuts
it into windows for truncated backpropagation through time, `ngram_baselines` says what counting alone achieves, and
`longest_copy` how much of a generated text stands verbatim in the training text.
"""

from tidegate.data.corpus import Corpus, open_corpus
from tidegate.data.ngrams import Baselines, ngram_baselines
from tidegate.data.overlap import longest_copy
from tidegate.data.prepare import prepare_corpus
from tidegate.data.streams import Streams, Window, fit_batch
from tidegate.data.text import find_files, read_text
from tidegate.data.units import BPE, Bytes, Characters, Decoder, Units, load_units

__all__ = [
    "BPE",
    "Baselines",
    "Bytes",
    "Characters",
    "Corpus",
    "Decoder",
    "Streams",
    "Units",
    "Window",
    "find_files",
    "fit_batch",
    "load_units",
    "longest_copy",
    "ngram_baselines",
    "open_corpus",
    "prepare_corpus",
    "read_text",
]
