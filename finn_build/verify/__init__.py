"""The verification ladder, and the simulation of many frames."""
