"""notification: decides who is told what, and keeps it until it is read.

Owns the inbox, and a copy of the directory (agencies, accounts) to know who holds which place.
Consumes `task.*` and `deadline.*` to tell people, `agency.changed` and `account.changed` to know them.
Publishes nothing. Answers `GET /v1/inbox` and `POST /v1/inbox/{id}/read`.
"""
