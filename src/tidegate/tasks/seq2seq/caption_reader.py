"""Read images and captions: arrays in ``.npz``, or image files and a table of captions."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.array_files import holds_arrays, read_arrays
from tidegate.data.frames import single_precision
from tidegate.data.images import ENDINGS, read_image
from tidegate.data.lines import read_lines
from tidegate.data.rows import Row, columns_of, is_table, read_table, text_cell, usual_column
from tidegate.data.tables.cell_values import named
from tidegate.data.tables.delimiters import Delimiter
from tidegate.errors import DataError

ARRAYS = ("features", "frames", "images")
CAPTIONS = "captions"
EXTRA = "extra"
FILES = ("file", "file_name", "filename", "image", "path")
TEXTS = ("caption", "text", "label", "target")


def read_captions(path: Path, size: int, delimiter: Delimiter | None = None) -> Iterator[Row]:
    """Read rows with "image" (F,) float32 and, if there is one, "target".

    Rows of a table have the image's "file" too, those of arrays the names of "extra" numbers, if there are any.

    * ``.npz``: "features" or "frames" (N, F), or "images" (N, height, width) or (N, height, width, channels), and
      "captions" (N,), strings; and "extra" (M,), the names of the last M numbers of each image if these are no pixels.
    * A table: each row has the name of an image file, relative to the table, and its caption. A CSV (or JSON Lines,
      Parquet) has columns "file" and "caption"; a TSV has these two in this order, with or without header.
    * A folder: the table in it; without one, all image files in it, without captions.

    Args:
        path: the file or folder.
        size: S; image files are resized to S x S pixels of red, green and blue, each from 0 to 1.
        delimiter: what separates the columns of a CSV file. Default: found out.

    Raises:
        DataError: it is none of these, an array or a file is missing or broken; the message names it.
        MissingDependencyError: image files are read by Pillow, which is not installed.
    """
    if holds_arrays(path):
        yield from _arrays(path)
        return
    if not path.is_dir():
        yield from _table(path, size, delimiter)
        return
    inside = sorted(it for it in path.iterdir() if not it.name.startswith("."))
    tables = [it for it in inside if is_table(it)]
    if len(tables) > 1:
        raise DataError(f"{path} has several tables: {', '.join(it.name for it in tables)}. Give one of captions.")
    pictures = [it for it in inside if it.suffix.lower() in ENDINGS]
    if tables:
        yield from _table(tables[0], size, delimiter)
    elif pictures:
        yield from (Row(str(it), {"image": read_image(it, size)}) for it in pictures)
    else:
        raise DataError(f"{path} has neither a table of captions nor images: give a CSV or TSV of files and captions.")


def beside_images(path: Path) -> list[str]:
    """Return the names of files in a folder that are neither images nor a table: they are not read."""
    inside = sorted(path.iterdir()) if path.is_dir() else []
    other = (it for it in inside if it.is_file() and not is_table(it) and it.suffix.lower() not in ENDINGS)
    return [it.name for it in other if not it.name.startswith(".")]


def image_of(row: Row, features: int | None = None) -> NDArray[np.float32]:
    """Return a row's image as a series of one step, (1, F).

    Raises:
        DataError: a number is not finite, or there are not ``features`` numbers.
    """
    image = row.values["image"]
    if features is not None and len(image) != features:
        raise DataError(f"{row.where}: the image has {len(image)} numbers, but those of training had {features}.")
    finite = np.isfinite(image)
    if not finite.all():
        raise DataError(f"{row.where}: number {int(np.argmin(finite)) + 1} of the image is nan or inf.")
    return image[None]


def _arrays(path: Path) -> Iterator[Row]:
    arrays, there = read_arrays(path, (*ARRAYS, CAPTIONS, EXTRA))
    name = next((it for it in ARRAYS if it in there), None)
    if name is None:
        raise DataError(f"{path}: there is no array 'features' or 'images'; there are: {named(there)}.")
    images, captions = arrays[name], arrays.get(CAPTIONS)
    if images.ndim not in (2, 3, 4) or images.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: {name!r} should be numbers (N, F) or (N, height, width), but is {images.dtype} of {images.shape}."
        )
    if captions is not None and (captions.shape != images.shape[:1] or captions.dtype.kind != "U"):
        raise DataError(
            f"{path}: 'captions' should be {len(images)} strings, one for each of {name!r}, but is {captions.dtype} of "
            f"{captions.shape}."
        )
    extra = _extra(path, arrays[EXTRA], images[:1].size) if EXTRA in arrays else ()
    for n, image in enumerate(images):
        values: dict[str, Any] = {"image": single_precision(image).ravel()} | ({"extra": extra} if extra else {})
        if captions is not None:
            values["target"] = str(captions[n])
        yield Row(f"{path}, image {n + 1}", values)


def _extra(path: Path, names: NDArray[Any], size: int) -> tuple[str, ...]:
    """Return the names of the numbers that come after the pixels."""
    found = tuple(map(str, names.tolist())) if names.ndim == 1 and names.dtype.kind == "U" else ()
    if not 0 < len(set(found)) == len(found) < size:
        raise DataError(
            f"{path}: 'extra' should be different names (M,) of the last M of the {size} numbers of each image, but is "
            f"{names.dtype} of {names.shape}."
        )
    return found


def _table(path: Path, size: int, delimiter: Delimiter | None) -> Iterator[Row]:
    for where, file, caption in _lines(path) if path.suffix.lower() == ".tsv" else _columns(path, delimiter):
        image = read_image(path.parent / file, size, where)
        values: dict[str, Any] = {"image": image, "file": PurePath(file).as_posix()}
        if caption is not None:
            values["target"] = caption
        yield Row(where, values)


def _lines(path: Path) -> Iterator[tuple[str, str, str | None]]:
    for number, (where, line) in enumerate(read_lines(path)):
        file, *rest = line.split("\t")
        if line.strip() and not (number == 0 and file.strip().lower() in FILES):
            yield where, file, rest[0] if rest else None


def _columns(path: Path, delimiter: Delimiter | None) -> Iterator[tuple[str, str, str | None]]:
    if not is_table(path):
        raise DataError(f"{path} is not a .npz, folder or table: give images and captions in one of these.")
    columns = columns_of(path, delimiter)
    file, caption = (usual_column(columns, usual) for usual in (FILES, TEXTS))
    if file is None:
        raise DataError(f"{path}: which column names the image files? There are: {named(columns)}. Call it 'file'.")
    for row in read_table(path, [it for it in (file, caption) if it is not None], delimiter=delimiter):
        yield row.where, text_cell(row, file), None if caption is None else text_cell(row, caption)
