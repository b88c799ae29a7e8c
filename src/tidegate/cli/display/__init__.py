"""What the command line shows: the live display of training, tables, coloured text."""
