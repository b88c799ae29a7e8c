"""Files written whole or not at all, tensor files that are checked before they are read, optional packages."""
