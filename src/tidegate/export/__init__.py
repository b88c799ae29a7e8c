"""Ways out: a trained model as C code (`c`), an ONNX file (`onnx`), a file of audio plug-ins (`nam`, `rtneural`).

`push` sends a run to the hub.
"""

from tidegate.export.audio.nam_file import nam
from tidegate.export.audio.rtneural_file import rtneural
from tidegate.export.c.model_folder import c
from tidegate.export.graph.traced.trace_module import program
from tidegate.export.hub.push_run import push
from tidegate.export.onnx.model_file import onnx
from tidegate.export.onnx.translations import onnx_translations

__all__ = ["c", "nam", "onnx", "onnx_translations", "program", "push", "rtneural"]
