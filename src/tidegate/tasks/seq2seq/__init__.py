"""A text for each text or image: translate and caption, with attention and beam search."""
