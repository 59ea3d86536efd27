"""The model in numpy: target, losses, folds, decoder, axes, tables, dimensions."""
