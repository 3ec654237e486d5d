"""What pose estimators and motion capture write: one module for each format."""
