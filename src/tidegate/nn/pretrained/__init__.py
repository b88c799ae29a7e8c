"""Layers in folders and in repositories of the hub: what describes a layer, and how it is made from that again."""
