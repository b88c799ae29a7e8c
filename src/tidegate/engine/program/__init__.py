"""A cell as numbered values (`program.py`), its derivative (`adjoint.py`) and its cost."""
