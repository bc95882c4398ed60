"""The stages of a build: estimate, RTL, synthesis, bitstream."""
