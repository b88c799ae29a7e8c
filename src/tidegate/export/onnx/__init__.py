"""Models as ONNX files. `model_file` writes one, `layer_nodes` a recurrent layer, `checks` proves that it is right."""
