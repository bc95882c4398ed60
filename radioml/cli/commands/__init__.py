"""One file a group of commands, which register where they are imported."""
