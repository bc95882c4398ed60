"""The HTML page of a run: figures, tables and their conditions in one file that opens offline."""
