"""Text files, however large, as a stream of strings."""

import codecs
import fnmatch
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tidegate.errors import ArgumentError, DataError, EncodingError
from tidegate.io.input_files import open_input
from tidegate.text.tokenizers.unicode import Normalize, normalized

BLOCK = 1 << 20


def find_files(paths: str | Path | Iterable[str | Path], pattern: str = "*") -> list[Path]:
    """List the files of some paths.

    A folder means all regular files in it and in its subfolders whose name matches ``pattern``, in sorted order.
    Hidden files and folders (those whose name begins with a dot) inside a folder are skipped, and
    links to folders are not followed. A file reached twice is listed once, where it came first.

    Args:
        paths: files and folders.
        pattern: a shell pattern for the names of files in folders, such as ``"*.txt"``.

    Returns:
        The files, in the order in which they are to be read.

    Raises:
        DataError: a path does not exist or is a pipe, a folder has no such file or cannot be read, or there is none.
    """
    found: dict[Path, Path] = {}
    for path in [Path(paths)] if isinstance(paths, str | Path) else [Path(p) for p in paths]:
        if path.is_dir():
            inside = sorted(_walk(path, pattern), key=lambda p: p.parts)
            if not inside:
                raise DataError(f"The folder {path} has no file whose name fits {pattern!r}.")
        elif path.is_file():
            inside = [path]
        elif path.exists():
            open_input(path).close()  # says what it is, such as a pipe
            inside = []
        else:
            raise DataError(f"{path} does not exist: give text files or folders of text files.")
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not found:
        raise DataError("No path was given: give at least one text file or folder of text files.")
    return list(found.values())


def _walk(folder: Path, pattern: str) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            if not name.startswith(".") and fnmatch.fnmatchcase(name, pattern) and path.is_file():
                yield path


def read_text(
    files: Iterable[str | Path], *, normalize: Normalize = None, block_size: int = BLOCK, end_lines: bool = False
) -> Iterator[str]:
    r"""Read UTF-8 files one after the other, in constant memory.

    The texts are joined with nothing between them: a file that does not end in a newline runs on into the next.
    In each file a byte order mark at the start is dropped and ``\r\n`` becomes ``\n``; a lone ``\r`` is kept.
    Nothing depends on where one block ends and the next begins, and nothing is composed across two files.

    Args:
        files: the files to read, in this order.
        normalize: "NFC" composes characters (Unicode Standard Annex 15), so that a Hangul syllable or an accented
            letter is one character however it was typed; None leaves them as they are.
        block_size: bytes read at a time.
        end_lines: put a newline after a file that does not end in one, so that no word runs on.

    Yields:
        Strings that are not empty, of about ``block_size`` characters.

    Raises:
        EncodingError: a file is not UTF-8; the message names it and the offset of the first wrong byte.
        DataError: a file cannot be read.
        ArgumentError: ``normalize`` is something else, or ``block_size`` is not positive.
    """
    if block_size < 1:
        raise ArgumentError(f"block_size is {block_size}, but must be at least 1 byte.")
    for file in files:
        text = _unix_newlines(_decoded(Path(file), block_size))
        last = ""
        for block in filter(None, normalized(text, normalize)):
            last = block
            yield block
        if end_lines and last and not last.endswith("\n"):
            yield "\n"


def _decoded(path: Path, block_size: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    read, at_start, start = 0, True, b""
    try:
        with path.open("rb") as file:
            while True:
                block = file.read(block_size)
                start = (start + block[:2])[:2]
                waiting = len(decoder.getstate()[0])  # the bytes of a character that the last block cut
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    raise _not_utf8(path, start, read - waiting + error.start, error) from None
                read += len(block)
                if text and at_start:
                    text, at_start = text.removeprefix("\ufeff"), False
                yield text
                if not block:
                    return
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _not_utf8(path: Path, start: bytes, offset: int, error: UnicodeDecodeError) -> EncodingError:
    byte = error.object[error.start]
    hint = (
        "It begins like UTF-16"
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        else "If it is text in another encoding (Latin-1, Windows-1252, EUC-KR)"
    )
    return EncodingError(
        f"{path} is not UTF-8: byte {offset:,} (0x{byte:02X}): {error.reason}. {hint}: convert it first, "
        "for example with `iconv -f LATIN1 -t UTF-8`, or leave it out."
    )


def _unix_newlines(blocks: Iterator[str]) -> Iterator[str]:
    held = ""
    for block in blocks:
        text = held + block
        held = "\r" if text.endswith("\r") else ""  # its "\n" may be in the next block
        yield text[: len(text) - len(held)].replace("\r\n", "\n")
    yield held
