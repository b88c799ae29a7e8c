"""How far back a network remembers: gradients through time, Jacobians, half-lives, gates."""
