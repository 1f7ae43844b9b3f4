"""What an operator asks of a service on the command line, beside serving."""
