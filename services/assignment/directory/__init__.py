"""Agencies and accounts, and how their holders sign in.

Owns the collections `agencies` and `accounts`; publishes `agency.changed.v1` and `account.changed.v1` with each
change, in the same write. An agency is named by its code, an account by its username, everywhere and for ever:
neither is renamed or deleted.
"""
