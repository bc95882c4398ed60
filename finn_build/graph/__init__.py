"""Properties of a graph that several wings read: which integers a tensor holds, and the order of nodes."""
