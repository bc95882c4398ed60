"""The RadioML file: real or synthetic frames, their split, their origin."""
