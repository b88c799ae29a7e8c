"""Files of TensorFlow 1, without TensorFlow: checkpoints and frozen graphs."""
