"""For all tests: one thread, since small matrices on several threads mostly wait for one another."""

import torch

torch.set_num_threads(1)
