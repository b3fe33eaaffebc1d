"""The table of scores over data sets, models, weights and seeds."""
