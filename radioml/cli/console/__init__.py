"""What all commands use at the terminal: consoles, progress, accuracies in words, signals."""
