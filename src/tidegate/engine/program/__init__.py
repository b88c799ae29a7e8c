"""A cell as numbered values cut into stages (`program.py`), its derivative (`adjoint.py`) and its cost."""
