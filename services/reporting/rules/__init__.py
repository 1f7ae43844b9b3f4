"""What is counted and how: pure values and functions."""
