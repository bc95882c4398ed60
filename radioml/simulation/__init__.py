"""The simulated accelerator: its ctypes interface, its processes, its deadlocks."""
