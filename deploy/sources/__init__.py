"""Sources of frames without labels: recordings, arrays, a pipe."""
