"""What an accelerator runs on: board, simulated RTL, software."""
