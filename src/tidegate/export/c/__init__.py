"""A model as C: its cells' equations as loops, one step at a time, without allocation, threads or global state."""
