"""What the stages hand each other: model metadata, quantiser, stream words, package."""
