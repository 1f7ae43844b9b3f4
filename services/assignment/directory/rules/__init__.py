"""The rules of agencies and accounts, the same for every caller; pure."""
