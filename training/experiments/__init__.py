"""The experiment file, the run directory that belongs to an experiment, and the table of the shipped experiments."""
