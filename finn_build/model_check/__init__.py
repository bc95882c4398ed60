"""Whether a model can be built, and what to change where not."""
