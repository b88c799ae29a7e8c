"""Highlights: the story of a run in a few sections, each of which says what was measured and beside what.

`highlights` makes them for a session, and keeps them in the run folder.
"""

from tidegate.lens.highlights.section import Bar, Bars, Link, Sample, Section, Sentence, Strip, Table
from tidegate.lens.highlights.story import NAME, highlights, in_order, kept_highlights

__all__ = [
    "NAME",
    "Bar",
    "Bars",
    "Link",
    "Sample",
    "Section",
    "Sentence",
    "Strip",
    "Table",
    "highlights",
    "in_order",
    "kept_highlights",
]
