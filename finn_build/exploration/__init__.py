"""The folding for a goal, and the estimate of every network on every board."""
