"""What holds for agencies and accounts, whoever asks; pure."""
