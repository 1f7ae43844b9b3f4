"""assignment: who is to do what.

Owns: `tasks` and `batches`; `agencies` and `accounts`.
Consumes: `deadline.missed.v1`.
Publishes: `task.*`, `agency.changed.v1`, `account.changed.v1`.
"""
