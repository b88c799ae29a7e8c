"""What a model gives in ONNX Runtime is compared with Python before it is written."""
