"""Encode text files as a corpus on disk, in constant memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tidegate.errors import ArgumentError, CorpusTooSmallError, DataError
from tidegate.io.files import replacing, write_json
from tidegate.io.input_files import refuse_overlap
from tidegate.io.wording import amount
from tidegate.text.corpus.choose_tokenizer import DEFAULT_TOKENS, TokenizerKind, TokenizerOptions, choose_tokenizer
from tidegate.text.corpus.corpus import CORPUS, Corpus, digest_of, open_corpus
from tidegate.text.corpus.read_files import BLOCK, find_files, read_text
from tidegate.text.corpus.splits import SMALLEST, SplitKind, Splits, character_cuts, check_splits, split_kind
from tidegate.text.corpus.write_corpus import cuts_at_blanks, encode_parts, take
from tidegate.text.tokenizers.characters import code_points
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.text.tokenizers.unicode import Normalize
from tidegate.text.tokenizers.unknown import Unknown

NAMES = ("corpus.json", "vocabulary.json", "tokenizer.json", "corpus.npy")
Paths = str | Path | Iterable[str | Path]


def prepare_corpus(
    paths: Paths,
    out: str | Path,
    *,
    validation: Paths | None = None,
    test: Paths | None = None,
    tokenizer: TokenizerKind | Tokenizer = "characters",
    pattern: str = "*",
    normalize: Normalize = None,
    word_pattern: str | None = None,
    lowercase: bool = False,
    end_of_line: bool = True,
    unknown: Unknown | None = None,
    min_count: int = 1,
    vocabulary_size: int | None = None,
    splits: Splits | None = (0.9, 0.05, 0.05),
    limit: int | None = None,
    block_size: int = BLOCK,
) -> Corpus:
    """Encode text files into a memory-mapped array, however large they are.

    The files are read two or three times: to count their characters, to choose the vocabulary, and to encode them.
    A vocabulary of characters has all of the whole text, except those rarer than ``min_count``; words and BPE are
    learned from the training part only. Without files for validation the parts are contiguous and cut by characters, so
    they hold the same text with every tokenizer (with words, a part ends at the next blank). An error leaves an earlier
    corpus in ``out`` as it was.

    Args:
        paths: files and folders, see `find_files` and `read_text`.
        out: the folder to write ``corpus.npy``, ``corpus.json`` and the vocabulary to.
        validation: files and folders of the validation part; ``paths`` is then all for training.
        test: likewise of the test part.
        tokenizer: "characters", "bytes", "bpe", "words", or the tokenizer of an earlier run, to read other text the
            same way (then the options of the tokenizer may not be given).
        pattern: which files of a folder to read.
        normalize: "NFC" to compose characters, or None.
        word_pattern: a regular expression of words; see `WordTokenizer`. Default: what stands between blanks.
        lowercase: read words in lower case.
        end_of_line: with words, whether the end of a line is a token.
        unknown: what to do with characters or words outside the vocabulary, here and in prompts; see
            `CharacterTokenizer`. Default: "error"; with words "replace".
        min_count: characters or words rarer than this are unknown.
        vocabulary_size: number of tokens to learn (BPE; default 4,096), or of the most frequent words (default: all).
        splits: the fractions for training, validation and test; the last may be 0. None: do not split, train and
            validate on the same text, as for the single word "hello". Not used if there are files for validation.
        limit: use only the first N characters; with files for validation, of the training part.
        block_size: bytes read at a time.

    Returns:
        The corpus, opened from ``out``.

    Raises:
        DataError: as `find_files` and `read_text`; or the files changed meanwhile, are those in ``out``, or one is
            of two parts.
        UnknownTokenError: the tokenizer refuses unknown characters or words.
        CorpusTooSmallError: training or validation part would have fewer than two tokens.
        ArgumentError: an option is out of range, or does not fit the tokenizer.
    """
    out = Path(out)
    options = TokenizerOptions(normalize, unknown, min_count, vocabulary_size, word_pattern, lowercase, end_of_line)
    if not isinstance(tokenizer, str):
        if options != TokenizerOptions():
            raise ArgumentError(
                "The tokenizer of an earlier run is given, which has its own normalize, unknown, min_count, "
                "vocabulary_size and options of words: leave them out."
            )
        normalize = tokenizer.normalize
    check_splits(splits)
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}, but must be at least 1 character.")
    words = (tokenizer if isinstance(tokenizer, str) else tokenizer.kind) == "words"
    text = _Text(_files(paths, validation, test, pattern, out), limit, normalize, words, block_size)
    counted = [_count(text.part(n)) for n in range(len(text.files))]
    total = sum(it.total() for it in counted)
    kind: SplitKind = splits if len(counted) == 1 else "files"
    cuts = character_cuts(total, splits) if len(counted) == 1 else _ends([it.total() for it in counted])
    if words and len(counted) == 1:
        cuts = cuts_at_blanks(text.blocks(), cuts)
    learned = tokenizer in ("bpe", "words")
    if isinstance(tokenizer, str):
        if tokenizer == "bpe" and vocabulary_size is None:
            vocabulary_size = DEFAULT_TOKENS
        counts = sum(counted, Counter())
        tokenizer = choose_tokenizer(tokenizer, options, counts, lambda: take(text.blocks(), cuts[0]))
    tally: Counter[str] = Counter()
    with replacing(out / "corpus.npy") as file:
        bounds, length = encode_parts(text.blocks(), (*cuts, total), tokenizer, tally, file)
        for name in NAMES[:3]:  # corpus.json comes first and is written last: without it there is no corpus
            (out / name).unlink(missing_ok=True)
    vocabulary = tokenizer.save(out).read_bytes()
    array = np.load(out / "corpus.npy", mmap_mode="r", allow_pickle=False)
    record = {
        **CORPUS,
        "length": length,
        "splits": [float(part) for part in kind] if isinstance(kind, tuple) else kind,
        "bounds": list(bounds),
        "digest": digest_of(vocabulary, array, bounds),
        "report": [
            _reading(sum(map(len, text.files)), total, limit, normalize),
            _vocabulary(tokenizer, learned, vocabulary_size, total / length),
            *_unknown(tokenizer, tally),
            f"{split_kind(kind)}: {_parts(tokenizer, kind, bounds, length)}",
        ],
    }
    write_json(out / "corpus.json", record)
    return open_corpus(out)


class _Text(NamedTuple):
    """The text of a corpus: the files of one part, or of training, validation and test part."""

    files: Sequence[Sequence[Path]]
    limit: int | None
    normalize: Normalize
    end_lines: bool
    block_size: int

    def part(self, n: int) -> Iterator[str]:
        blocks = read_text(
            self.files[n], normalize=self.normalize, block_size=self.block_size, end_lines=self.end_lines
        )
        return take(blocks, self.limit if n == 0 else None)

    def blocks(self) -> Iterator[str]:
        return chain.from_iterable(self.part(n) for n in range(len(self.files)))


def _files(paths: Paths, validation: Paths | None, test: Paths | None, pattern: str, out: Path) -> list[list[Path]]:
    if test and not validation:
        raise ArgumentError(
            "There are files for testing but none for validation: give both, or neither, so that the text is split."
        )
    if not validation:
        return [_files_outside(paths, pattern, out)]
    parts = {
        "training": _files_outside(paths, pattern, out),
        "validation": _files_outside(validation, pattern, out),
        "test": _files_outside(test, pattern, out) if test else [],
    }
    refuse_overlap(parts)
    return list(parts.values())


def _ends(totals: Sequence[int]) -> tuple[int, int]:
    for name, total in zip(("training", "validation"), totals, strict=False):
        if total < SMALLEST:
            raise CorpusTooSmallError(
                f"The files for {name} have {amount(total, 'character')}, but need at least {SMALLEST}."
            )
    return totals[0], totals[0] + totals[1]


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


def _number(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _reading(files: int, total: int, limit: int | None, normalize: Normalize) -> str:
    line = f"{_number(total, 'character')} in {_number(files, 'file')}"
    if normalize:
        line += f", normalised to {normalize}"
    return line + (", at most the first " + _number(limit, "character") if limit else "")


def _vocabulary(tokenizer: Tokenizer, learned: bool, wished: int | None, characters_per_unit: float) -> str:
    line = f"vocabulary of {_number(tokenizer.vocabulary_size, tokenizer.name)}"
    if tokenizer.kind == "characters":
        return line
    if learned:
        line += ", learned from the training part only"
        if wished is not None and tokenizer.vocabulary_size < wished:
            more = "words" if tokenizer.kind == "words" else "pairs to join"
            line += f" ({wished:,} were asked for, but it has no more {more})"
    return f"{line}; {characters_per_unit:.2f} characters per {tokenizer.name}"


def _unknown(tokenizer: Tokenizer, tally: Counter[str]) -> list[str]:
    if tokenizer.kind not in ("characters", "words"):
        return []
    return [tokenizer.unknown_note(tally) or f"no {tokenizer.name} unknown"]


def _parts(tokenizer: Tokenizer, splits: SplitKind, bounds: tuple[int, int], length: int) -> str:
    if splits is None:
        return _number(length, tokenizer.name)
    ends = (0, *bounds, length)
    counts = [f"{b - a:,}" for a, b in pairwise(ends)]
    return f"{counts[0]} for training, {counts[1]} for validation, {counts[2]} for test ({tokenizer.name}s)"
