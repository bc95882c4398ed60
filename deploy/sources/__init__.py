"""Where frames to classify come from when they have no labels: recordings, arrays, a pipe."""
