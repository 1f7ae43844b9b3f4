"""assignment: the only writer of tasks, agencies and accounts.

Owns `tasks` and `batches`, `agencies` and `accounts`.
Consumes `deadline.missed.v1`. Publishes `task.*`, `agency.changed.v1`, `account.changed.v1`.
Answers `/v1/tasks` and its acts, `/v1/task-batches`, `/v1/agencies`, `/v1/accounts`, `/v1/me`, `/v1/auth/token`.
"""
