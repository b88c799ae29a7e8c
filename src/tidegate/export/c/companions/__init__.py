"""The files beside a model's code: an example, a Makefile, a README, and what WebAssembly needs."""
