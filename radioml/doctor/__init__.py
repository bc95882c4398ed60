"""The needs of each stage: what is installed, and how to get the rest. No tool or package is imported for that."""
