import os
import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ArgumentError, DataError, EncodingError
from tidegate.text import find_files, read_text
from tidegate.text.tokenizers.unicode import LONGEST_RUN, normalize_text, normalized


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_folders_are_walked_in_sorted_order_and_files_stand_for_themselves(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/b/c.txt", "a.py", ".hidden", ".git/config"):
        put(tmp_path / name, "x")
    names = [str(p.relative_to(tmp_path)) for p in find_files([tmp_path])]
    assert names == ["a/b/c.txt", "a/z.txt", "a.py", "b.txt"]
    assert find_files(tmp_path, "*.py") == [tmp_path / "a.py"]
    given_first = find_files([tmp_path / "b.txt", str(tmp_path)], "*.txt")
    assert [p.name for p in given_first] == ["b.txt", "c.txt", "z.txt"], "listed once, where it came first"
    assert find_files([tmp_path / ".hidden"]) == [tmp_path / ".hidden"], "a file given by name is always taken"


def test_paths_that_hold_nothing_are_named(tmp_path: Path) -> None:
    put(tmp_path / "full" / "a.txt", "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"absent\.txt does not exist"):
        find_files([tmp_path / "full", tmp_path / "absent.txt"])
    with pytest.raises(DataError, match=r"empty has no file whose name fits '\*'"):
        find_files([tmp_path / "empty"])
    with pytest.raises(DataError, match=r"full has no file whose name fits '\*\.py'"):
        find_files(tmp_path / "full", "*.py")
    with pytest.raises(DataError, match="No path was given"):
        find_files([])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is a pipe"):
        find_files(tmp_path / "pipe")


def read(path: Path, **options) -> str:  # type: ignore[no-untyped-def]
    return "".join(read_text([path], **options))


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 5, 7, 1 << 20])
def test_blocks_never_show(tmp_path: Path, block_size: int) -> None:
    text = "\r\n\ra\r\r\nb\r\n\r\nаé한국어🌊\u0301\n\r"
    path = put(tmp_path / "a", text)
    assert read(path, block_size=block_size) == "\n\ra\r\nb\n\nаé한국어🌊\u0301\n\r"


@pytest.mark.parametrize("block_size", [1, 3, 1 << 20])
def test_bom_is_dropped_at_the_start_of_each_file_only(tmp_path: Path, block_size: int) -> None:
    files = [put(tmp_path / name, b"\xef\xbb\xbfx\xef\xbb\xbfy") for name in "ab"]
    assert "".join(read_text(files, block_size=block_size)) == "x\ufeffyx\ufeffy"


def test_files_are_joined_with_nothing_between_and_nothing_composed_across(tmp_path: Path) -> None:
    files = [put(tmp_path / "a", "no newline\r"), put(tmp_path / "b", ""), put(tmp_path / "c", "\n\u0301e")]
    assert "".join(read_text(files, normalize="NFC")) == "no newline\r\n\u0301e"
    files = [put(tmp_path / "a", "e"), put(tmp_path / "b", "\u0301")]
    assert "".join(read_text(files, normalize="NFC")) == "e\u0301"


@pytest.mark.parametrize("block_size", [1, 2, 5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (b"caf\xe9 au lait", 3),  # Latin-1
        ("한국".encode() + b"\xff", 6),
        ("abc한".encode()[:-1], 3),  # ends inside a character
        (b"ab\xed\xa0\x80", 2),  # a surrogate
        (b"\xff\xfeh\x00i\x00", 0),  # UTF-16
        (b"\xef\xbb\xbfab\xc0\x80", 5),  # after a byte order mark; overlong
    ],
)
def test_bytes_that_are_not_utf8_raise_with_their_offset(
    tmp_path: Path, content: bytes, offset: int, block_size: int
) -> None:
    path = put(tmp_path / "old.txt", content)
    with pytest.raises(EncodingError, match=rf"old\.txt is not UTF-8: byte {offset} \(0x{content[offset]:02X}\)"):
        read(path, block_size=block_size)


def test_offset_far_into_a_file(tmp_path: Path) -> None:
    path = put(tmp_path / "far", "é".encode() * 1_000_000 + b"\xe9")
    with pytest.raises(EncodingError, match="byte 2,000,000 "):
        read(path)


def test_utf16_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="begins like UTF-16"):
        read(put(tmp_path / "a", "hello".encode("utf-16")))


def test_empty_file_and_one_long_line(tmp_path: Path) -> None:
    assert list(read_text([put(tmp_path / "empty", "")])) == []
    line = "x" * (1 << 20)
    assert read(put(tmp_path / "line", line), block_size=4096) == line


def test_bad_options(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "x")
    with pytest.raises(ArgumentError, match="normalize is 'NFKC'"):
        read(path, normalize="NFKC")
    with pytest.raises(ArgumentError, match="block_size is 0"):
        read(path, block_size=0)
    with pytest.raises(DataError, match="gone cannot be read"):
        read(tmp_path / "gone")


SYLLABLES = "한국어 각 가힣"


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 1 << 20])
def test_hangul_jamo_compose_across_blocks(tmp_path: Path, block_size: int) -> None:
    jamo = unicodedata.normalize("NFD", SYLLABLES)
    assert len(jamo) > len(SYLLABLES)
    path = put(tmp_path / "jamo", jamo)
    assert read(path, normalize="NFC", block_size=block_size) == SYLLABLES
    assert read(path, block_size=block_size) == jamo


# Letters, marks of many classes, jamo, and vowel signs of class zero that compose all the same.
TRICKY = (
    "eE 가각\u1100\u1161\u1175\u11a8\u0301\u0316\u0327\u0344\u0f73\u0f71\u0f72\u09c7\u09be\u1025\u102e\u212b\ufb1dא"
)


@given(st.lists(st.text(st.sampled_from(TRICKY), max_size=6), max_size=8))
def test_normalising_a_stream_is_normalising_the_whole(blocks: list[str]) -> None:
    assert "".join(normalized(blocks, "NFC")) == unicodedata.normalize("NFC", "".join(blocks))


@given(st.text(), st.integers(0, 20))
def test_normalising_any_text_in_two_pieces(text: str, cut: int) -> None:
    assert "".join(normalized([text[:cut], text[cut:]], "NFC")) == unicodedata.normalize("NFC", text)
    assert normalize_text(text, "NFC") == unicodedata.normalize("NFC", text)
    assert normalize_text(text, None) == text


def test_an_endless_run_of_marks_ends_and_does_not_depend_on_blocks() -> None:
    marks = "e" + "\u0301\u0316\u0327" * 2_000
    whole = normalize_text(marks, "NFC")
    pieces = "".join(normalized([marks[i : i + 777] for i in range(0, len(marks), 777)], "NFC"))
    assert pieces == whole
    assert unicodedata.normalize("NFC", whole) == unicodedata.normalize("NFC", marks), "canonically equivalent"
    just_short = "e" + "\u0316\u0301" * (LONGEST_RUN // 2 - 1)
    assert normalize_text(just_short, "NFC") == unicodedata.normalize("NFC", just_short)


@pytest.mark.timeout(60)
def test_a_pipe_is_read_once_also_to_say_what_is_wrong(tmp_path: Path) -> None:
    """A prompt may come through a pipe; opening it a second time would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    for text, message in ((b"caf\xe9", "another encoding"), ("a".encode("utf-16"), "It begins like UTF-16")):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(text,))
        writer.start()
        with pytest.raises(EncodingError, match=message):
            list(read_text([tmp_path / "pipe"]))
        writer.join()
