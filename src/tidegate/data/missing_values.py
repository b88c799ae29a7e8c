"""Series with missing values, which are nan: what stands in for them."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def observed(values: Values) -> Values:
    """Return the values that are not missing; all of them in the same array if none is."""
    seen = ~np.isnan(values)
    return values if seen.all() else values[seen]


def fill(values: Values, how: str) -> Values:
    """Replace missing values (T,): "mask" by the last value, "interpolate" by a line; "refuse" leaves them."""
    return {"mask": carried_forward, "interpolate": interpolated}.get(how, np.asarray)(values)


def carried_forward(values: Values) -> Values:
    """Replace each missing value (T,) by the last one before it; before the first value, by that one."""
    seen = ~np.isnan(values)
    if seen.all() or not seen.any():
        return values
    last = np.maximum.accumulate(np.where(seen, np.arange(len(values)), int(np.argmax(seen))))
    return values[last]


def interpolated(values: Values) -> Values:
    """Replace missing values (T,) by those on the line between their neighbours; at the ends, by the nearest value."""
    seen = ~np.isnan(values)
    if seen.all() or not seen.any():
        return values
    steps = np.arange(len(values))
    return np.where(seen, values, np.interp(steps, steps[seen], values[seen]))
