"""Text to token ids and back: characters, bytes, byte-level BPE."""
