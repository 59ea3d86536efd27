"""What a fitted estimator has learned: summaries, maps, the explorer's page."""
