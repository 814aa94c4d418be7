"""From a folder of songs to batches."""
