"""The cells that come with the library, a file for each family. Read `lstm.py` first."""
