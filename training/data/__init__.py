"""Batches of frames or of statistics for training, mapped from caches on disk."""
