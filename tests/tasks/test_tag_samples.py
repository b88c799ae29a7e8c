"""The samples to tag: the labels are what the pictures and the tokens say."""

import json
from pathlib import Path

import numpy as np

from tidegate.data.samples import write_sample
from tidegate.data.samples.python_highlighting import FILES, SIZE, labelled

SOURCE = '''"""Doc."""\n\x0cdef f(x, *,
      y=0x1F):  # why
    return f"{x} is" \\
        + 'not' if x else None
'''


def test_characters_are_labelled_as_the_tokenizer_says() -> None:
    ((text, tags),) = labelled(SOURCE)
    assert text == SOURCE

    def labels(part: str) -> list[str]:
        at = SOURCE.index(part)
        return sorted(set(tags[at : at + len(part)]))

    for part in ("def", "return", "if", "else", "None"):
        assert labels(part) == ["keyword"], part
    assert labels('"""Doc."""') == labels("'not'") == labels('f"') == ["string"]
    assert labels("0x1F") == ["number"]
    assert labels("# why") == ["comment"]
    assert labels("*,") == labels("\\") == ["operator"]
    assert labels("\n\x0c") == labels("\n      ") == ["space"]
    assert tags[SOURCE.index("f(x")] == "name"


def test_texts_begin_and_end_with_statements() -> None:
    pieces = list(labelled("x = '''a\n\nb'''\n" * 100))
    assert "".join(text for text, _ in pieces) == "x = '''a\n\nb'''\n" * 100
    assert all(len(text) >= SIZE and text.startswith("x = ") for text, _ in pieces[:-1])


def test_python_highlighting_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_sample("python-highlighting", tmp_path / name)
    sizes = {}
    for part in FILES:
        first, second = ((tmp_path / name / f"{part}.jsonl").read_bytes() for name in ("a", "b"))
        assert first == second
        rows = [json.loads(line) for line in first.decode().splitlines()]
        assert all(len(row["text"]) == len(row["tags"]) for row in rows)
        sizes[part] = sum(len(row["text"]) for row in rows)
    assert 200_000 < sizes["train"] < 400_000
    assert not set(FILES["train"].split()) & set(FILES["validation"].split())


def test_moving_digits_moved_as_their_labels_say(tmp_path: Path) -> None:
    write_sample("moving-digits", tmp_path)
    moves = {"still": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
    with np.load(tmp_path / "validation.npz") as file:
        frames, labels = file["frames"].astype(int), file["labels"]
    pictures = frames.reshape(*labels.shape, 12, 12)
    assert set(labels[:, 0]) == {"still"}
    for series, names in zip(pictures[:100], labels[:100], strict=True):
        for before, after, name in zip(series, series[1:], names[1:], strict=False):
            # Rolled around the edge: the digit is wholly on the canvas before and after.
            np.testing.assert_array_equal(np.roll(before, moves[str(name)], (0, 1)), after)
    shares = np.unique(labels[:, 1:], return_counts=True)[1] / labels[:, 1:].size
    assert len(shares) == 5
    assert shares.max() < 0.35
