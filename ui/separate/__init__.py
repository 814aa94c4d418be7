"""The Separate tab."""
