"""Runs in repositories of the hub: what is fetched of them, and models of tasks made from them."""
