"""What training reports, passed on to programs that show many runs side by side: TensorBoard and Weights & Biases.

Read `tracked.py` first.
"""
