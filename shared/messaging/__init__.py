"""Events between services: each is delivered at least once, and none is lost.

A store writes its events into the record that they belong to, in the same write (`outbox.fields`, `outbox.push`), and
wakes the relay. The relay publishes them with publisher confirms. Each service consumes its own queue; what fails is
retried with a growing delay, and then kept in a dead-letter queue.

`consumers.py` of a service declares its handlers::

    def consumers(observer: Observer) -> EventRouter:
        router = EventRouter("deadline")

        @router.events(filter=named(*TASK_EVENTS))
        async def task_changed(event: Event[TaskChanged]) -> None:
            await observer.take_in(event)

        return router

`app.py` of each service makes a `Messaging` with its outboxes, and runs it inside the lifespan. The store that writes
events wakes the relay after the write.
"""
