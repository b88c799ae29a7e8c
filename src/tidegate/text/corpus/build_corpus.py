"""Encode text files as a corpus on disk, in constant memory."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from tidegate.errors import ArgumentError, DataError
from tidegate.io.files import replacing, write_json
from tidegate.text.corpus.corpus import CORPUS, Corpus, digest_of, open_corpus
from tidegate.text.corpus.read_files import BLOCK, find_files, read_text
from tidegate.text.corpus.splits import Splits, character_cuts, check_splits, split_kind
from tidegate.text.corpus.write_corpus import encode_parts, take
from tidegate.text.tokenizers.bpe import BPE
from tidegate.text.tokenizers.bytes import ByteTokenizer
from tidegate.text.tokenizers.characters import CharacterTokenizer, Unknown, code_points, name_characters
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.text.tokenizers.unicode import Normalize

TokenizerKind = Literal["characters", "bytes", "bpe"]
NAMES = ("corpus.json", "vocabulary.json", "tokenizer.json", "corpus.npy")
DEFAULT_TOKENS = 4096


def prepare_corpus(
    paths: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    tokenizer: TokenizerKind | Tokenizer = "characters",
    pattern: str = "*",
    normalize: Normalize = None,
    unknown: Unknown = "error",
    min_count: int = 1,
    vocabulary_size: int | None = None,
    splits: Splits | None = (0.9, 0.05, 0.05),
    limit: int | None = None,
    block_size: int = BLOCK,
) -> Corpus:
    """Encode text files into a memory-mapped array, however large they are.

    The files are read twice (for BPE three times): to count their characters and choose the vocabulary, and to encode
    them. The vocabulary has all characters of the whole text, except those rarer than ``min_count``; BPE is trained on
    the training part only. The parts are contiguous and cut by characters, so they hold the same text with every
    tokenizer. An error leaves an earlier corpus in ``out`` as it was.

    Args:
        paths: files and folders, see `find_files` and `read_text`.
        out: the folder to write ``corpus.npy``, ``corpus.json`` and the vocabulary to.
        tokenizer: "characters", "bytes", "bpe", or the tokenizer of an earlier run, to read other text the same way
            (then ``normalize``, ``unknown`` and the two options of the vocabulary may not be given).
        pattern: which files of a folder to read.
        normalize: "NFC" to compose characters, or None.
        unknown: what to do with characters outside the vocabulary, here and in prompts; see `CharacterTokenizer`.
        min_count: characters rarer than this are unknown.
        vocabulary_size: number of tokens to learn (BPE only; default 4,096).
        splits: the fractions for training, validation and test; the last may be 0. None: do not split, train and
            validate on the same text, as for the single word "hello".
        limit: use only the first N characters.
        block_size: bytes read at a time.

    Returns:
        The corpus, opened from ``out``.

    Raises:
        DataError: as `find_files` and `read_text`; or the files changed meanwhile, or are those in ``out``.
        UnknownTokenError: the tokenizer of an earlier run refuses unknown characters.
        CorpusTooSmallError: training or validation part would have fewer than two tokens.
        ArgumentError: an option is out of range, or does not fit the tokenizer.
    """
    out = Path(out)
    if not isinstance(tokenizer, str):
        if (normalize, unknown, min_count, vocabulary_size) != (None, "error", 1, None):
            raise ArgumentError(
                "The tokenizer of an earlier run is given, which has its own normalize, unknown, min_count and "
                "vocabulary_size: leave them out."
            )
        normalize = tokenizer.normalize
    if tokenizer == "bpe" and vocabulary_size is None:
        vocabulary_size = DEFAULT_TOKENS
    check_splits(splits)
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}, but must be at least 1 character.")
    files = _files_outside(paths, pattern, out)

    def text(count: int | None = limit) -> Iterator[str]:
        return take(read_text(files, normalize=normalize, block_size=block_size), count)

    counts = _count(text())
    total = counts.total()
    cuts = character_cuts(total, splits)
    if isinstance(tokenizer, str):
        tokenizer = _choose(
            tokenizer,
            counts,
            text(cuts[0]),
            normalize=normalize,
            unknown=unknown,
            min_count=min_count,
            vocabulary_size=vocabulary_size,
        )
    tally: Counter[str] = Counter()
    with replacing(out / "corpus.npy") as file:
        bounds, length = encode_parts(text(), (*cuts, total), tokenizer, tally, file)
        for name in NAMES[:3]:  # corpus.json comes first and is written last: without it there is no corpus
            (out / name).unlink(missing_ok=True)
    vocabulary = tokenizer.save(out).read_bytes()
    array = np.load(out / "corpus.npy", mmap_mode="r", allow_pickle=False)
    record = {
        **CORPUS,
        "length": length,
        "splits": None if splits is None else [float(part) for part in splits],
        "bounds": list(bounds),
        "digest": digest_of(vocabulary, array, bounds),
        "report": [
            _reading(len(files), total, limit, normalize),
            _vocabulary(tokenizer, vocabulary_size, total / length),
            *_unknown(tokenizer, tally),
            f"{split_kind(splits)}: {_parts(tokenizer, splits, bounds, length)}",
        ],
    }
    write_json(out / "corpus.json", record)
    return open_corpus(out)


def _files_outside(paths: str | Path | Iterable[str | Path], pattern: str, out: Path) -> list[Path]:
    files = find_files(paths, pattern)
    for file in files:
        if file.name in NAMES and file.resolve().parent == out.resolve():
            raise DataError(
                f"{file} is itself part of the corpus in {out}: write to a folder outside that of the text."
            )
    return files


def _count(blocks: Iterable[str]) -> Counter[str]:
    totals = np.zeros(0x110000, np.int64)
    for block in blocks:
        counts = np.bincount(code_points(block))
        totals[: len(counts)] += counts
    return Counter({chr(point): int(totals[point]) for point in np.flatnonzero(totals).tolist()})


def _choose(
    kind: str,
    counts: Counter[str],
    training: Iterator[str],
    *,
    normalize: Normalize,
    unknown: Unknown,
    min_count: int,
    vocabulary_size: int | None,
) -> Tokenizer:
    if kind not in ("characters", "bytes", "bpe"):
        raise ArgumentError(f"tokenizer is {kind!r}, but must be 'characters', 'bytes' or 'bpe'.")
    if kind != "bpe" and vocabulary_size is not None:
        raise ArgumentError(f"vocabulary_size is for tokenizer='bpe', but tokenizer is {kind!r}: leave it out.")
    if kind != "characters" and (min_count, unknown) != (1, "error"):
        raise ArgumentError(
            f"min_count and unknown are for tokenizer='characters': with tokenizer={kind!r} nothing is unknown, so "
            "leave them out."
        )
    if kind == "bytes":
        return ByteTokenizer(normalize)
    if vocabulary_size is not None:  # byte-pair encoding, where it always is a number
        return BPE.train(training, vocabulary_size, normalize=normalize)
    return CharacterTokenizer.from_counts(counts, min_count=min_count, unknown=unknown, normalize=normalize)


def _number(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _reading(files: int, total: int, limit: int | None, normalize: Normalize) -> str:
    line = f"{_number(total, 'character')} in {_number(files, 'file')}"
    if normalize:
        line += f", normalised to {normalize}"
    return line + (", at most the first " + _number(limit, "character") if limit else "")


def _vocabulary(tokenizer: Tokenizer, wished: int | None, characters_per_unit: float) -> str:
    line = f"vocabulary of {_number(tokenizer.vocabulary_size, tokenizer.name)}"
    if tokenizer.kind == "characters":
        return line
    if wished is not None:
        line += ", learned from the training part only"
        if tokenizer.vocabulary_size < wished:
            line += f" ({wished:,} were asked for, but it has no more pairs to join)"
    return f"{line}; {characters_per_unit:.2f} characters per {tokenizer.name}"


def _unknown(tokenizer: Tokenizer, tally: Counter[str]) -> list[str]:
    if not isinstance(tokenizer, CharacterTokenizer):
        return []
    if not tally:
        return ["no character unknown"]
    done = "replaced by U+FFFD" if tokenizer.unknown == "replace" else "dropped"
    return [f"{_number(tally.total(), 'unknown character')} {done}: {name_characters(tally)}"]


def _parts(tokenizer: Tokenizer, splits: Splits | None, bounds: tuple[int, int], length: int) -> str:
    if splits is None:
        return _number(length, tokenizer.name)
    ends = (0, *bounds, length)
    counts = [f"{b - a:,}" for a, b in pairwise(ends)]
    return f"{counts[0]} for training, {counts[1]} for validation, {counts[2]} for test ({tokenizer.name}s)"
