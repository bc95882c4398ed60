"""The RTL as a compiled Verilator simulator."""
