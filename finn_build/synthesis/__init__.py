"""Synthesis with open tools: Yosys' netlist and resources of each layer."""
