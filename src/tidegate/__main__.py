"""``python -m tidegate``, and so ``torchrun -m tidegate`` and ``accelerate launch -m tidegate``."""

from tidegate.cli import main

if __name__ == "__main__":
    main()
