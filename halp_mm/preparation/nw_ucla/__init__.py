"""NW-UCLA."""
