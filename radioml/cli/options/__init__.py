"""Arguments and options that several commands share, and what is opened for them."""
