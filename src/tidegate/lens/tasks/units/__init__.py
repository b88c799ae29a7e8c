"""Which hidden unit does it, in tasks on independent examples: search, ablation and attribution."""
