"""The demo: a province with its agencies, accounts and tasks, made through the API as people would make them."""
