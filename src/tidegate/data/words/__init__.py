"""Words: how they are cut from texts, and pretrained vectors for them."""
