"""Why a model of a task decided as it did: attribution of one prediction to the steps that were read."""
