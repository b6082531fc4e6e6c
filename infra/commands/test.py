"""Run every check and test; the last line is pytest's summary."""
