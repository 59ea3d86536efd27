"""The file of a fitted estimator: data and no code."""
