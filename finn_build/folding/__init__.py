"""How many elements each layer takes a cycle."""
