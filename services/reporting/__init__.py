"""reporting: answers every question with a number in it.

Owns one record for each version of each task, with all that is counted, and the names of agencies and accounts.
Consumes `task.*`, `agency.changed`, `account.changed`, in any order and however often; publishes nothing.
Answers `GET /v1/summary`, of now or as of any past moment, and shows the office's figures at `/metrics`.
"""
