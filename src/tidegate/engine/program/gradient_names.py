"""The names of a backward Program's states, gates and sums, for the code that makes it and the code that runs it."""

PROJECT = "project"  # the gradient of a projected output


def of_state(name: str) -> str:
    """The gradient of a state, carried from step to step."""
    return f"d {name}"


def of_product(gate: str) -> str:
    """The gradient of a recurrent product."""
    return f"r.{gate}"


def carried_product(gate: str) -> str:
    """The gradient of a recurrent product with a previous state, carried from step to step."""
    return of_state(of_product(gate))


def of_input_part(gate: str) -> str:
    """The gradient of a gate's input part."""
    return f"x.{gate}"


def of_mask(name: str) -> str:
    """The gradient of a mask."""
    return f"m.{name}"


def of_parameter(name: str) -> str:
    """The gradient of a vector with one weight per hidden unit, a sum over time."""
    return f"p.{name}"


def operand(product: str) -> str:
    """The operand of a product, where it is not a previous state."""
    return f"operand {product}"
