"""Record every gate and state while a model runs, or while a language model reads or writes a text."""
