"""Files written whole or not at all, tensor files checked before they are read, optional packages, users' own code."""
