"""How far back a network remembers: gradients, Jacobians, half-lives."""
