"""What training, build and driver must agree on: dataset, quantiser, package, metrics and the command line."""

__version__ = "0.1.0"
