"""Events between services: each is delivered at least once, and none is lost.

A store writes its events into the document that they belong to, in the same write (`outbox.fields`, `outbox.push`), and
wakes the relay. The relay publishes them with publisher confirms. Each service consumes its own queue; what fails is
retried with a growing delay, and then kept in a dead-letter queue.

`consumers.py` of a service declares its handlers::

    def consumers(observer: Observer) -> EventRouter:
        router = EventRouter("deadline")

        @router.events(filter=named(*TASK_EVENTS))
        async def task_changed(event: Event[TaskChanged]) -> None:
            await observer.take_in(event)

        return router

`app.py` wires them::

    client = connect(settings.mongodb_uri.get_secret_value(), "deadline")
    store = WatchStore(client[settings.mongodb_database])
    messaging = Messaging(
        "deadline",
        settings.amqp_url.get_secret_value(),
        outboxes=[store.collection],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with messaging.running(consumers(Observer(store, calendar)), prepare=store.ensure_indexes):
            yield
        client.close()

After a write that added events, the service calls `messaging.relay.wake("watches", task_id)`.
"""
