"""The stages of a build: estimate, RTL."""
