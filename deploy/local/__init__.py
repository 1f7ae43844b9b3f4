"""The local stack: MongoDB, RabbitMQ and the four services on one machine, without Docker or root.

`make run` starts `python -m deploy.local`. The tests use the same parts: see `servers` and `services`.
"""
