"""The documentation's site: ``python -m tools.docs`` builds it into ``site/``.

What is written by hand is in ``docs/``; the pages of cells and of the API are written by this package from the cells
and the packages themselves. Read `build.py` first.
"""
