"""What a run of layers recorded: gates and states by name, and parts of them as arrays with named axes."""
