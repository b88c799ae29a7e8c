"""The documentation's site: ``python -m tools.docs`` builds it into ``site/``.

Hand-written pages are in ``docs/``; this package generates the pages of cells and of the API. Read `build.py` first.
"""
