"""What runs the steps of a build and remembers them."""
