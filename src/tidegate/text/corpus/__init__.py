"""From text files to an encoded corpus on disk, its streams, and n-gram baselines."""
