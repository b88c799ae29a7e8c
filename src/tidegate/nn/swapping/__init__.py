"""Exchange torch.nn's recurrent layers in a model for Tidegate's, and back."""
