"""A simulated Zynq board and Alveo card for the real PYNQ."""
