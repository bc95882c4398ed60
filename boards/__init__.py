"""Data: one YAML a board, which `finn_build.boards` reads."""
