"""Tools that know nothing of levels: memory, warnings, scikit-learn's private names."""
