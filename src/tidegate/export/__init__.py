"""Ways out: a trained model as C code (`c`), and as a file of audio plug-ins (`nam`, `rtneural`)."""

from tidegate.export.audio.nam_file import nam
from tidegate.export.audio.rtneural_file import rtneural
from tidegate.export.c.model_folder import c

__all__ = ["c", "nam", "rtneural"]
