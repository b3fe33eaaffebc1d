"""Loading pretrained weights, with a report of what was loaded."""
