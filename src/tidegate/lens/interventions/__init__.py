"""Interventions on hidden units: hold them at a value while a model runs, and measure the effect."""
