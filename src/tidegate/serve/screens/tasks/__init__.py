"""Screens of tasks other than language modelling: which hidden units do it, and why."""
