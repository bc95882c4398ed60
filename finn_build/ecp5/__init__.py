"""ECP5 boards by open tools: the serial shell, the chip around an accelerator, place and route, the bitstream."""
