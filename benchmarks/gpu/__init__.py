"""The benchmark of a GPU: what is right on it, and our layers beside torch.nn's. ``python -m benchmarks.gpu --help``.

It needs the source tree, torch and NumPy alone, so that it runs on a bare machine. Read `parts/layers.py` first.
"""
