"""The kinds of measurement: with peers, of our layer alone, of the machine's products, in processes of their own."""
