"""The training of one experiment in one or several processes."""
