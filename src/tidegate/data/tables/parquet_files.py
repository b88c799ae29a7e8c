"""Parquet files, read by pyarrow in small pieces."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidegate.data.tables.cell_values import WrittenNumber, named
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input
from tidegate.io.optional import needed
from tidegate.io.wording import quoted

ROWS_AT_ONCE = 1024
BUFFER = 1 << 20
INDEX = re.compile(r"__index_level_\d+__")  # how pandas names row numbers
BYTES_A_VALUE = 8  # what a value of a list takes at least when it is unpacked
TEMPORAL = ("is_date", "is_time", "is_timestamp", "is_decimal")
BYTES = ("is_binary", "is_large_binary", "is_binary_view", "is_fixed_size_binary")
PLAIN = ("is_string", "is_large_string", "is_string_view", "is_integer", "is_floating", "is_boolean", "is_null")
LISTS = ("is_list", "is_large_list", "is_fixed_size_list")


class ParquetTable:
    """A Parquet file.

    Texts, numbers, truth values and lists are what they are; bytes are texts if they are UTF-8; decimal numbers, dates
    and times are their digits as text (ISO 8601). Columns of other types are refused if they are used.

    Args:
        path: the file.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrow, self._parquet = (needed(name, "Reading Parquet needs") for name in ("pyarrow", "pyarrow.parquet"))

    def columns(self) -> list[str]:
        """Return the names of the columns; row numbers that pandas wrote are left out.

        Raises:
            DataError: the file is malformed.
        """
        with self._opened([]) as file:
            return [name for name in file.schema_arrow.names if name.strip() and not INDEX.fullmatch(name)]

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read some columns of the rows.

        Raises:
            DataError: a column is missing, there twice or of a type that is not read; the file is malformed, or would
                take too much memory.
        """
        with self._opened([]) as file:
            schema, texts = file.schema_arrow, []
            for name in columns:
                if schema.names.count(name) != 1:
                    what = (
                        "two columns have the same name"
                        if name in schema.names
                        else f"there is no column {quoted(name)}"
                    )
                    raise DataError(f"{self.path}: {what}; there are: {named(schema.names)}.")
                texts += [name] if self._is(schema.field(name).type, ("is_string", "is_large_string")) else []
        number = 0
        # A text that occurs often is held once, however often it occurs.
        with self._opened(texts) as file:
            self._check_sizes(file, columns)
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=list(columns), use_threads=False):
                found = {name: self._plain(name, batch.column(batch.schema.names.index(name))) for name in columns}
                for n in range(len(batch)):
                    number += 1
                    yield {name: self._value(column[n], name, number) for name, column in found.items()}

    @contextmanager
    def _opened(self, texts: Sequence[str]) -> Iterator[Any]:
        with open_input(self.path) as handle:
            try:
                with self._parquet.ParquetFile(
                    handle, read_dictionary=list(texts), pre_buffer=False, buffer_size=BUFFER
                ) as file:
                    yield file
            except DataError:
                raise
            except (self._arrow.ArrowException, OSError, UnicodeDecodeError) as error:
                what = str(error).partition("\n")[0] or type(error).__name__
                raise DataError(f"{self.path} is malformed: {what:.300}") from error

    def _check_sizes(self, file: Any, columns: Sequence[str]) -> None:
        paths = [file.schema.column(n).path for n in range(len(file.schema))]
        used = [n for n, path in enumerate(paths) if any(f"{path}.".startswith(f"{name}.") for name in columns)]
        # Decodes all pages without keeping their values. It comes first because damaged metadata are an error here,
        # but end the process where they are asked for below.
        file.scan_contents(used)
        for group in range(file.metadata.num_row_groups):
            for n in used:
                chunk = file.metadata.row_group(group).column(n)
                size = max(chunk.total_uncompressed_size, BYTES_A_VALUE * chunk.num_values)
                check_declared_size(self.path, f"column {quoted(paths[n])} of row group {group + 1}", size)

    def _plain(self, name: str, column: Any) -> Any:
        """The column, or what its values are in texts and numbers."""
        kind = column.type
        if self._arrow.types.is_dictionary(kind):
            kind = kind.value_type
        if self._is(kind, TEMPORAL):
            return column.cast(self._arrow.string())
        element = kind.value_type if self._is(kind, LISTS) else kind
        if not self._is(element, (*PLAIN, *BYTES)):
            raise DataError(
                f"{self.path}: column {quoted(name)} is of type {kind!s:.80}, which is not read: give texts, numbers "
                "or lists of them."
            )
        return column

    def _value(self, cell: Any, name: str, number: int) -> Any:
        try:
            value = cell.as_py()
            if isinstance(value, bytes):
                return value.decode()
            if isinstance(value, list):
                return [it.decode() if isinstance(it, bytes) else it for it in value]
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path}, row {number}: column {quoted(name)} holds bytes that are not UTF-8 ({error.reason})."
            ) from error
        # The shortest digits of a number are those of its own precision.
        short = isinstance(value, float) and cell.type != self._arrow.float64()
        return WrittenNumber(str(cell.cast(self._arrow.string()))) if short else value

    def _is(self, kind: Any, checks: Sequence[str]) -> bool:
        return any(getattr(self._arrow.types, check)(kind) for check in checks)
