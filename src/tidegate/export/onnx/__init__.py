"""Models as ONNX files. `layer_nodes` writes one recurrent layer."""
