"""What commands say and hear: consoles, progress, accuracies in words, signals."""
