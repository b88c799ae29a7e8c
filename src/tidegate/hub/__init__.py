"""The Hugging Face hub: names of repositories, what is fetched from one, and what is written to one.

Start with `hub_reference.py`, then `snapshot.py`. The package ``huggingface_hub`` is imported on use; its cache, its
tokens and its environment variables (``HF_HOME``, ``HF_HUB_OFFLINE``, ``HF_ENDPOINT``) are its own.
"""
