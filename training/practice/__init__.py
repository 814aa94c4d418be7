"""Made-up songs for a first training without data."""
