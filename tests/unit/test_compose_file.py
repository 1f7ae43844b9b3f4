"""docker-compose.yml, as far as it can be judged without an engine."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic_settings import BaseSettings

from deploy.compose.secrets import make_secrets
from services.assignment.settings import AssignmentSettings
from services.deadline.settings import DeadlineSettings
from services.notification.settings import NotificationSettings
from services.reporting.settings import ReportingSettings
from shared.office.labels import Language
from shared.office.refusal import Code
from shared.settings import OfficeSettings
from shared.web.http_policy import HttpPolicy
from shared.web.problem_texts import KINDS
from shared.web.problems import problem_response

PROJECT: Final = Path(__file__).parents[2]
COMPOSE: Final[Mapping[str, Any]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
PARTS: Final[Mapping[str, Mapping[str, Any]]] = COMPOSE["services"]
LASTING: Final = sorted(set(PARTS) - {"prepare"})
SETTINGS: Final[Mapping[str, type[BaseSettings]]] = {
    "assignment": AssignmentSettings,
    "deadline": DeadlineSettings,
    "notification": NotificationSettings,
    "reporting": ReportingSettings,
}
_OFFICIAL: Final = re.compile(
    r"(mongo|rabbitmq|haproxy|caddy|prom/prometheus|grafana/grafana):v?\d+(\.\d+)?(-management)?"
)
_WITHOUT_VARIABLES: Final = re.compile(r"\$\{\w+:-([^}]*)\}")


def secrets_of(part: str) -> dict[str, str]:
    """Return the secrets that a container is given, and by which name it reads each."""
    given = PARTS[part].get("secrets", ())
    return dict((name, name) if isinstance(name, str) else (name["source"], name["target"]) for name in given)


def said(text: str) -> str:
    """Return what a text says where nobody has set a variable."""
    return _WITHOUT_VARIABLES.sub(r"\1", text)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_images_are_ours_or_official_ones_of_one_major_version(part: str) -> None:
    image = said(PARTS[part]["image"])
    assert image == "dondoc:latest" or _OFFICIAL.fullmatch(image)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_container_is_confined(part: str) -> None:
    container = PARTS[part]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["pids_limit"]
    assert container["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert said(container["image"]).startswith("dondoc:") or container["user"] not in {"root", "0"}


@pytest.mark.parametrize("part", LASTING)
def test_what_lasts_has_a_health_check_and_comes_back_by_itself(part: str) -> None:
    assert PARTS[part]["healthcheck"]["test"][0] == "CMD"
    assert PARTS[part]["restart"] == "unless-stopped"
    assert int(PARTS[part]["stop_grace_period"].removesuffix("s")) >= 30


def test_everything_is_published_on_the_loopback_unless_said() -> None:
    published = {
        part: [said(port) for port in container["ports"]] for part, container in PARTS.items() if "ports" in container
    }
    assert published == {
        "edge": [f"127.0.0.1:{port}:{port}" for port in (*range(8001, 8005), 3000, 9090)],
    }


def test_only_the_edge_has_a_way_to_the_outside() -> None:
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert {part for part, container in PARTS.items() if not internal.issuperset(container["networks"])} == {"edge"}
    assert {part for part, container in PARTS.items() if container["networks"] == ["back"]} == {
        "mongodb",
        "rabbitmq",
        "prepare",
    }
    assert PARTS["gateway"]["networks"] == ["front"]


def test_every_secret_is_a_file_that_is_made_and_used(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {name: said(secret["file"]) for name, secret in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in made
    }
    assert {name for part in PARTS for name in secrets_of(part)} == made


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_given_its_own_secrets_alone(service: str) -> None:
    own = {f"{service}_mongodb_uri", f"{service}_amqp_url", "public_keys"}
    signing = {"assignment_signing_key", "web_client_secret"} if service == "assignment" else set()
    assert set(secrets_of(service)) == own | signing


@pytest.mark.parametrize("service", SETTINGS)
def test_a_secret_is_read_by_the_name_of_a_setting(service: str) -> None:
    settings = {f"{service}_{name}" for name in SETTINGS[service].model_fields}
    assert {name for name in secrets_of(service).values() if name != "public_keys"} <= settings


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_given_settings_that_exist_and_no_secret_among_them(service: str) -> None:
    kind = SETTINGS[service]
    prefix = service.upper()
    own = {f"{prefix}_{name}".upper() for name in kind.model_fields}
    office = {f"OFFICE_{name}".upper() for name in OfficeSettings.model_fields}
    given = set(PARTS[service]["environment"])
    assert office <= given <= own | office
    assert not given & {f"{prefix}_{name}" for name in ("MONGODB_URI", "AMQP_URL", "SIGNING_KEY", "MODE", "CLOCK_FILE")}


def test_only_what_all_versions_of_compose_read_is_used() -> None:
    assert set(COMPOSE) <= {"services", "networks", "volumes", "secrets"} | {key for key in COMPOSE if key[:2] == "x-"}
    for container in PARTS.values():
        for condition in (
            dict(container["depends_on"]).values() if isinstance(container.get("depends_on"), dict) else ()
        ):
            assert set(condition) == {"condition"}
        assert "start_interval" not in container.get("healthcheck", {})


def test_every_port_that_the_edge_publishes_is_one_that_the_gateway_serves() -> None:
    edge = (PROJECT / "deploy/edge/haproxy.cfg").read_text(encoding="utf-8")
    gateway = (PROJECT / "deploy/gateway/Caddyfile").read_text(encoding="utf-8")
    published = {port.rpartition(":")[2] for port in PARTS["edge"]["ports"]}
    assert published == set(re.findall(r"bind :(\d+)", edge.partition("frontend figures")[0]))
    assert published <= set(re.findall(r"^:(\d+) \{", gateway, re.MULTILINE))


def test_edge_and_gateway_have_the_bounds_of_the_services() -> None:
    edge = (PROJECT / "deploy/edge/haproxy.cfg").read_text(encoding="utf-8")
    gateway = (PROJECT / "deploy/gateway/Caddyfile").read_text(encoding="utf-8")
    policy = HttpPolicy()
    assert f"timeout http-request {policy.head_seconds:.0f}s" in edge
    assert f"read_header {policy.head_seconds:.0f}s" in gateway
    assert f"wait-for-body time {policy.body_seconds:.0f}s" in edge
    assert f"read_body {policy.body_seconds:.0f}s" in gateway
    assert f"timeout client {policy.answer_seconds:.0f}s" in edge
    assert f"max_header_size {policy.head_bytes // 1024}KB" in gateway
    buffer = re.search(r"tune.bufsize (\d+)", edge)
    assert buffer
    assert int(buffer[1]) - 1024 > policy.head_bytes


@pytest.mark.parametrize("code", [Code.REQUEST_TIMEOUT, Code.UNAVAILABLE])
def test_the_edge_answers_in_the_words_of_the_services(code: Code) -> None:
    edge = (PROJECT / "deploy/edge/haproxy.cfg").read_text(encoding="utf-8")
    kind = KINDS[code]
    (said,) = re.findall(rf"http-error status {kind.status.value} .* string '(.*)'", edge)
    assert json.loads(said) == json.loads(bytes(problem_response(code, Language.VIETNAMESE).body))


def test_the_gateway_says_unavailable_in_the_words_of_the_services() -> None:
    answer = KINDS[Code.UNAVAILABLE]
    gateway = (PROJECT / "deploy/gateway/Caddyfile").read_text(encoding="utf-8")
    for words in (answer.title, answer.detail):
        assert f'"{words.vi}"' in gateway
        assert f'"{words.en}"' in gateway


def test_the_data_source_of_the_dashboards_is_the_prometheus_beside_it() -> None:
    folder = PROJECT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((folder / "dashboards/dashboards.yml").read_text(encoding="utf-8"))["providers"]
    mounted = [volume for volume in PARTS["grafana"]["volumes"] if volume.startswith("./deploy/grafana/dashboards:")]
    assert mounted == [f"./deploy/grafana/dashboards:{provider['options']['path']}:ro"]
    home = Path(PARTS["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(provider["options"]["path"])
    assert (PROJECT / "deploy/grafana/dashboards" / home.name).is_file()
