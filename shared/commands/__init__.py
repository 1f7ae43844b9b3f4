"""The commands of a service for operators, beside serving."""
