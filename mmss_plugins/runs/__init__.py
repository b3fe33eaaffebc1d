"""Runs of the commands that users type: their steps, command lines and results."""
