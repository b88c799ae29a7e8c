"""Tasks on independent examples, a folder for each; what they share stands beside the folders."""
