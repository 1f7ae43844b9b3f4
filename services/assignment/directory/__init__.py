"""Agencies and accounts, and how people and programs sign in.

Owns the collections `agencies` and `accounts`. Each change puts its event, `agency.changed.v1` or
`account.changed.v1`, into the outbox in the same write. The code of an agency and the username of an account are their
ids everywhere. They never change, and nothing is ever deleted.
"""
