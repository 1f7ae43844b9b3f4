"""The demo: a province with its agencies, accounts and tasks, created through the API as people would do it."""
