"""Fitting networks: clips from videos, recipes, and a classifier."""
