"""Which folding a board takes, and what every network would do on every board."""
