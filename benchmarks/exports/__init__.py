"""What leaves Python, beside what stays: are results the same (``parity``), and how long do they take (``speed``)."""
