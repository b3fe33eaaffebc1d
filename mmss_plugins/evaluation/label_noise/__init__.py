"""Measurement of label noise: confidences by class, files and report."""
