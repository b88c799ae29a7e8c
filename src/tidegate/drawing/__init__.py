"""Drawing primitives of plain numbers and strings: coloured text, curves, heat maps; HTML, terminal, figures."""
