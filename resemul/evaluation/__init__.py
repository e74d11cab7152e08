"""Scores of a model: metrics, bootstrap intervals, thresholds."""
