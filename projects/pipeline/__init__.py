"""The steps from data to scores that the demonstration and the studies share."""
