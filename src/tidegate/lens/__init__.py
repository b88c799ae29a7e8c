"""Look inside: what a network remembers, for how long, and which unit does it. Plain data out, no drawing.

`read` lets a language model read a text; `trace` any recurrent layers a sequence. Every claim has a number and a
control.
"""

from tidegate.lens.named import Named
from tidegate.lens.reading import Reading, read
from tidegate.lens.trace import Trace, open_trace, trace

__all__ = ["Named", "Reading", "Trace", "open_trace", "read", "trace"]
