"""A service's messages as an AsyncAPI 3.0 document, made from the names of events, their models and the bindings.

FastStream's own `AsyncAPI(broker)` is not used. It knows the one queue and the payload types of its handlers, but not
the names of events, which are the routing keys of the exchange. It does not know what the relay publishes either.
`tests/unit/test_consumers.py` checks that the handlers have the payload types that are described here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.events.envelope import CONTENT_TYPE, Event, Frozen
from shared.events.names import DATA_OF
from shared.messaging.topology import BINDINGS, EXCHANGE


def describe_messages(service: str, publishes: Iterable[str] = ()) -> dict[str, Any]:
    """Describe the events that a service receives, and those that it publishes (`publishes`: their names)."""
    sent = list(publishes)
    received = [name for name in DATA_OF if any(_matches(key, name) for key in BINDINGS[service])]
    known = sorted({*sent, *received})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Đôn Đốc: {service}", "version": "1"},
        "defaultContentType": CONTENT_TYPE,
        "channels": {name: _channel(name) for name in known},
        "operations": {
            **{f"receive {name}": _operation("receive", name) for name in received},
            **{f"send {name}": _operation("send", name) for name in sent},
        },
        "components": {"schemas": _schemas({DATA_OF[name] for name in known})},
    }


def _matches(key: str, name: str) -> bool:
    return name.startswith(key.removesuffix("#")) if key.endswith(".#") else name == key


def _channel(name: str) -> Mapping[str, Any]:
    data = {"$ref": f"#/components/schemas/{DATA_OF[name].__name__}"}
    payload = {"allOf": [{"$ref": "#/components/schemas/Event"}, {"properties": {"data": data}}]}
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True}
    return {
        "address": name,
        "messages": {name: {"name": name, "payload": payload}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange}},
    }


def _operation(action: str, name: str) -> Mapping[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}}


def _schemas(data: Iterable[type[Frozen]]) -> dict[str, Any]:
    models = sorted(data, key=lambda model: model.__name__)
    template = "#/components/schemas/{model}"
    _, together = models_json_schema([(model, "serialization") for model in models], ref_template=template)
    envelope = Event[Frozen].model_json_schema(mode="serialization", ref_template=template)
    nested = envelope.pop("$defs", {})
    return {**nested, **together.get("$defs", {}), "Event": {**envelope, "title": "Event"}}
