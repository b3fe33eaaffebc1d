"""The steps from data to scores, shared by the demo and the studies."""
