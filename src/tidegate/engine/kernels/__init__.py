"""What every backend that compiles shares: the plan of stages and the cache on disk. It knows no backend."""
