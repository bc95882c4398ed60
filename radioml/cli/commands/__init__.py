"""One file for each group of commands; importing the file registers them."""
