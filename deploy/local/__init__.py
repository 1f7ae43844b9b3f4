"""The local stack: MongoDB, RabbitMQ and the four services on one machine, without Docker or root.

`python -m deploy.local` is what `make run` starts; the tests use the same parts, see `servers` and `services`.
"""
