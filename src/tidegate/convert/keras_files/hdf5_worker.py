"""Reads an HDF5 file in a process of its own, as its library may never end on a file that was altered.

``python hdf5_worker.py FILE OUT LARGEST`` writes OUT.npz with the arrays and OUT.json with their names and the
attributes of groups. It needs h5py and NumPy alone, so that it starts at once.
"""

import json
import sys
from typing import Any

import h5py
import numpy as np

MOST = 100_000  # groups and arrays
DEEPEST = 40  # groups within one another
REFUSED = 3  # the exit code with a reason on standard output


class RefusedError(Exception):
    """The file is not read, and why."""


def walk(group: Any, place: str, depth: int, found: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Collect the arrays and attributes below a group."""
    if depth > DEEPEST or len(found) > MOST:
        raise RefusedError(f"groups at {place[:200]} lie too deep, or there are more than {MOST:,} arrays")
    attributes[place.rstrip("/")] = {name: plain(group.attrs[name]) for name in group.attrs}
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise RefusedError(f"{place}{name} is a link to elsewhere, which is not followed")
        own = group[name]
        if isinstance(own, h5py.Group):
            walk(own, f"{place}{name}/", depth + 1, found, attributes)
        elif isinstance(own, h5py.Dataset):
            found[f"{place}{name}"] = own


def plain(value: Any) -> Any:
    """Return an attribute as JSON has it; None for other kinds."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return [it.decode("utf-8", "replace") if isinstance(it, bytes) else str(it) for it in value.ravel()]
    return value if isinstance(value, str) else None


def declared_size(name: str, data: Any, largest: int) -> int:
    """Return how many bytes an array would take in memory; 0 of texts and records, which are not read."""
    if data.is_virtual or data.external:
        raise RefusedError(f"the array {name} lies in another file, which is not read")
    kind, size = data.dtype.kind, int(np.prod(data.shape, dtype=object)) * max(4, data.dtype.itemsize)
    if kind not in "fiubV" or (kind == "V" and data.dtype.itemsize != 2):
        return 0
    if size > largest:
        raise RefusedError(f"the array {name} would take {size:,} bytes, but at most {largest:,} are read")
    return size


def numbers(data: Any) -> np.ndarray | None:
    """Return an array; bfloat16, which Keras stores as two opaque bytes, as float32. Texts and records are none."""
    kind = data.dtype.kind
    if kind not in "fiubV" or (kind == "V" and data.dtype.itemsize != 2):
        return None
    values = np.asarray(data[()])
    if kind == "V":
        values = (np.frombuffer(values.tobytes(), np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values.reshape(data.shape).astype(np.float64 if values.dtype == np.float64 else np.float32)


def main(path: str, out: str, largest: int) -> None:
    """Read a file."""
    found: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    arrays = []
    with h5py.File(path, "r") as file:
        walk(file, "", 0, found, attributes)
        together = sum(declared_size(name, data, largest) for name, data in found.items())
        if together > largest:  # an array may stand under many names
            raise RefusedError(f"its arrays would take {together:,} bytes together, but at most {largest:,} are read")
        for name, data in found.items():
            values = numbers(data)
            if values is not None:
                arrays.append((name, values))
    np.savez(out + ".npz", **{str(n): values for n, (_, values) in enumerate(arrays)})  # type: ignore[arg-type]
    with open(out + ".json", "w", encoding="utf-8") as file:
        json.dump({"names": [name for name, _ in arrays], "attributes": attributes}, file)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except RefusedError as refused:
        print(refused)
        sys.exit(REFUSED)
    except Exception as error:  # of many kinds
        print(f"it is not a whole HDF5 file ({(str(error).strip() or type(error).__name__).splitlines()[0]:.200})")
        sys.exit(REFUSED)
