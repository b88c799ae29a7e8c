"""Tasks on independent examples, one folder each; shared modules are beside the folders."""
