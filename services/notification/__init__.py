"""notification: decides who is notified of what, and keeps the notifications.

Owns the inbox, and a copy of the directory (agencies, accounts), which says who holds which role.
Consumes `task.*` and `deadline.*` to notify people, and `agency.changed` and `account.changed` for the copy.
Publishes nothing. Answers `GET /v1/inbox` and `POST /v1/inbox/{id}/read`.
"""
