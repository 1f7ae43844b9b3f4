"""Events between services: none lost, each at least once.

A store puts its events into the document they belong to, in the same write (`outbox.fields`, `outbox.push`), and
wakes the relay; the relay publishes them with confirms; consumers take them from their service's queue, with retries
that wait and dead letters that stay.

What a service's composition root does::

    client = connect(settings.mongodb_uri.get_secret_value(), "assignment")
    database = client[settings.mongodb_database]
    messaging = Messaging(
        "assignment",
        settings.amqp_url.get_secret_value(),
        outboxes=[database["tasks"], database["accounts"]],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )
    store = TaskStore(database, messaging.relay)  # after a write: relay.wake("tasks", task_id)
    consumers = Consumers(store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        handlers = {"deadline.missed.v1": consumers.record_miss}
        async with messaging.running(handlers, prepare=lambda: ensure_indexes(database, INDEXES)):
            yield
        client.close()

    parts = [Part("mongodb", lambda: is_up(client), required=True), Part("rabbitmq", messaging.is_up, required=False)]
"""
