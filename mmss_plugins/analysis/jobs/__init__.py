"""Commands that a study or a table runs one after the other, and their results."""
