"""The check of golden frames, and the diagnosis of differences."""
