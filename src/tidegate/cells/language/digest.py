"""A digest of a cell's equations, the same in every file and process."""

import hashlib

from tidegate.cells.language.expression import postorder
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step


def digest(signature: Signature, step: Step) -> str:
    """Return 16 hexadecimal digits that identify the names a cell declares and its traced equations."""
    results = {**step.states, **step.gates}
    numbers: dict[int, int] = {}
    nodes = []
    for node in postorder(*results.values()):
        numbers[id(node)] = len(nodes)
        nodes.append((node.op, [numbers[id(arg)] for arg in node.args], node.name, node.value))
    named = [(name, numbers[id(value)]) for name, value in results.items()]
    declared = (signature.gates, signature.states, signature.parameters, signature.masks)
    # Only where there are any, so that digests of cells without heads and scalars stay as they are.
    more = [("heads", signature.heads)] if signature.heads > 1 else []
    more += [("scalars", signature.scalars)] if signature.scalars else []
    return hashlib.sha256(repr((*declared, nodes, named, *more)).encode()).hexdigest()[:16]
