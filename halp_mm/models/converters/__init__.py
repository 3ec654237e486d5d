"""Converters of publicly released weights to the names used here."""
