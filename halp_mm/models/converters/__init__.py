"""Weights of public releases under our names."""
