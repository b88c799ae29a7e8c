"""The cells of Tidegate, one file per family. Read `lstm.py` first."""
