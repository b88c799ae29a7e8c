"""Files of ONNX: LSTM, GRU and RNN nodes wherever they stand; their weights are stored, or computed from constants."""
