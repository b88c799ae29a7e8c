"""What those who call a model in C are given: the header, states that are saved, and sampling."""
