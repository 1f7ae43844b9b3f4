"""The operators' way, from nothing to a stack that was scaled, killed part by part, taken down and put up again.

The tests are one story and run in their order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import httpx2
import pytest

from deploy.services import SERVICES
from tests.compose.conftest import Say
from tests.compose.engine import Project, ailing, docker, is_well, run, service_of
from tests.compose.people import ADMINISTRATOR, PASSWORD, People, in_days
from tests.support.messaging import wait_until
from tests.support.running_stack import expect

SERVERS: Final = ("mongodb", "rabbitmq")
KINDS: Final = (*SERVICES, "edge", "gateway", *SERVERS)
SCALES: Final = {"deadline": 3, "assignment": 2}
SECRETS: Final = {
    "mongodb": {"mongodb_key", "mongodb_password"},
    "rabbitmq": {"rabbitmq_definitions"},
    "assignment": {
        "assignment_mongodb_uri",
        "assignment_amqp_url",
        "assignment_signing_key",
        "assignment_web_client_secret",
        "public_keys",
    },
    "deadline": {"deadline_mongodb_uri", "deadline_amqp_url", "public_keys"},
    "notification": {"notification_mongodb_uri", "notification_amqp_url", "public_keys"},
    "reporting": {"reporting_mongodb_uri", "reporting_amqp_url", "public_keys"},
    "grafana": {"grafana_password"},
}
_WELL_WITHIN_SECONDS: Final = 240.0
_CROWD: Final = 30


async def all_well(project: Project) -> None:
    """Wait until every container is healthy, and every service says so through the gateway."""

    async def well() -> bool:
        return not ailing(await project.containers())

    await wait_until(well, "every container is healthy", _WELL_WITHIN_SECONDS)
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        for service in SERVICES:
            await wait_until(
                partial(is_ready, http, project.urls[service]), f"{service} is ready", _WELL_WITHIN_SECONDS
            )


async def is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        answer = await http.get(f"{url}/health/ready")
    except httpx2.TransportError:
        return False
    return answer.status_code == httpx2.codes.OK and answer.json()["status"] == "ready"


async def test_it_comes_up_in_order_and_is_healthy(project: Project, say: Say) -> None:
    await project.up()
    await all_well(project)
    running = Counter(service_of(container) for container in await project.containers())
    assert running == dict.fromkeys((*KINDS, "prometheus", "grafana"), 1)
    say("up: " + ", ".join(sorted(running)))


async def test_the_first_administrator_is_made_and_makes_the_others(project: Project, people: People, say: Say) -> None:
    creating = ("python", "-m", "services.assignment", "create-administrator", "--username", ADMINISTRATOR)
    said = await project.do("run", "--rm", "-T", "assignment", *creating, told=f"{PASSWORD}\n")
    assert f"administrator {ADMINISTRATOR} created" in said
    await people.furnish()
    say("the first administrator, two agencies, five accounts")


async def test_a_task_lives_from_its_assignment_to_its_end(people: People, say: Say) -> None:
    task_id = await people.assign("Báo cáo kết quả giải ngân vốn đầu tư công quý IV")
    await people.act("clerk-stc", task_id, "receipt")
    await people.act("head-stc", task_id, "delegation", officer="officer-stc", instruction="Tổng hợp số liệu")
    await people.act("officer-stc", task_id, "progress", percent=50, note="Đã có số liệu của Kho bạc")
    asked = {"new_deadline": in_days(45), "reason": "Chờ số liệu của Kho bạc Nhà nước"}
    await people.act("head-stc", task_id, "extension", **asked)
    granted = await people.act("chair", task_id, "extension/decision", approved=True)
    assert (granted["deadline"], granted["original_deadline"]) == (in_days(45), in_days(30))
    again = await people.as_("head-stc").post(f"/v1/tasks/{task_id}/extension", asked | {"new_deadline": in_days(60)})
    assert expect(409, again)["code"] == "extension-already-used"
    await people.act("officer-stc", task_id, "progress", percent=100)
    await people.act("head-stc", task_id, "report", summary="Đã giải ngân 98,62% kế hoạch")
    closed = await people.act("chair", task_id, "report/decision", accepted=True)
    assert (closed["stage"], closed["timeliness"]) == ("completed", "completed_on_time")
    await people.agree()
    assert await people.told("officer-stc") == {(task_id, "task.delegated"): 1, (task_id, "task.completed"): 1}
    assert await people.told("chair") == {(task_id, f"task.{kind}"): 1 for kind in ("extension_requested", "reported")}
    total = (await people.as_("chair").summary())["total"]
    assert (total["completed_on_time"], total["extensions_approved"], total["on_time_rate"]) == (1, 1, 1.0)
    say(f"a task from its assignment to its end in {closed['version']} acts, extended once and not twice")


async def test_no_container_is_root_or_can_write_into_its_image(project: Project) -> None:
    for container in await project.containers():
        name = container["Name"]
        assert await docker("exec", container["Id"], "id", "-u") != "0\n", name
        assert (await run("docker", "exec", container["Id"], "touch", "/etc/x")).status != 0, name
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert host["RestartPolicy"]["Name"] == "unless-stopped", name


async def test_nothing_is_published_beyond_the_loopback(project: Project) -> None:
    published = {
        (service_of(container), binding["HostIp"], int(binding["HostPort"]))
        for container in await project.containers()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }
    by_edge = {("edge", "127.0.0.1", project.ports[part]) for part in (*SERVICES, "grafana", "prometheus")}
    assert published == by_edge


async def test_each_container_has_its_own_secrets_as_files_and_nobody_has_any_in_the_environment(
    project: Project, secret_texts: dict[str, str]
) -> None:
    for container in await project.containers():
        found = await run("docker", "exec", container["Id"], "ls", "/run/secrets")
        assert set(found.said.split()) == SECRETS.get(service_of(container), set())
        environment = "\n".join(container["Config"]["Env"])
        assert not [name for name, text in secret_texts.items() if text in environment]


async def test_the_image_has_nothing_that_builds_or_installs(project: Project) -> None:
    for tool in ("gcc", "make", "git", "curl", "wget"):
        found = await run("docker", "run", "--rm", project.image, "sh", "-c", f"command -v {tool}")
        assert found.said == "", tool
    assert (await run("docker", "run", "--rm", project.image, "python", "-m", "pip")).status != 0


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("DEADLINE_CLOCK_FILE=/tmp/clock", "DEADLINE_CLOCK_FILE moves the clock, which production mode refuses"),
        ("DEADLINE_AMQP_URL=amqp://u:demo-p@rabbitmq/dondoc", "DEADLINE_AMQP_URL is a demo secret"),
    ],
)
async def test_production_mode_refuses_in_one_line(project: Project, setting: str, said: str) -> None:
    done = await project.ask("run", "--rm", "--no-deps", "-T", "-e", setting, "deadline")
    refusals = [line for line in (done.said + done.complained).splitlines() if line.startswith("settings refused:")]
    assert done.status == 2
    assert len(refusals) == 1
    assert said in refusals[0]


async def test_the_gateway_shows_no_figures(project: Project) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        for path in ("/metrics", "/metrics/", "/%6detrics", "//metrics"):
            answer = await http.get(project.urls["deadline"] + path, headers={"Accept-Language": "en"})
            assert expect(404, answer)["title"] == "Not found"


async def test_the_gateway_passes_on_who_calls_and_under_which_id(project: Project) -> None:
    token = f"{project.urls['assignment']}/v1/auth/token"
    form = {"grant_type": "password", "username": "nobody", "password": "a wrong password"}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        identified = await http.get(
            f"{project.urls['reporting']}/health/live", headers={"X-Request-ID": "from-outside"}
        )
        assert identified.headers["X-Request-ID"] == "from-outside"
        statuses = [
            (await http.post(token, data=form, headers={"X-Forwarded-For": f"10.0.0.{number}"})).status_code
            for number in range(12)
        ]
    assert statuses == [401] * 10 + [429] * 2


async def test_signing_in_works_at_every_address(project: Project) -> None:
    form = {"grant_type": "password", "username": ADMINISTRATOR, "password": PASSWORD}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        for service in SERVICES:
            expect(200, await http.post(f"{project.urls[service]}/v1/auth/token", data=form))


async def test_a_body_that_is_too_large_is_refused(project: Project, people: People) -> None:
    title = "x" * 7_000_000
    answer = await people.as_("chair").post("/v1/tasks", {"title": title, "lead_agency": "stc"})
    assert expect(413, answer)["code"] == "payload-too-large"


async def test_scaled_services_share_the_work(project: Project, people: People, say: Say) -> None:
    await project.up(**SCALES)
    await all_well(project)
    running = Counter(service_of(container) for container in await project.containers())
    assert {service: running[service] for service in SCALES} == SCALES
    await asyncio.gather(*(people.assign(f"Nhiệm vụ khi mở rộng {number}") for number in range(40)))
    await people.agree()
    for service, count in SCALES.items():
        for container in (found := await project.containers(service)):
            assert await was_asked(container, service), container["Name"]
        assert len(found) == count
    say("deadline to 3 and assignment to 2, each of them at work; 40 tasks known everywhere, nobody told twice")


async def test_of_many_acts_at_once_on_scaled_services_those_are_done_that_may(people: People, say: Say) -> None:
    """The two replicas of assignment share no lock: MongoDB alone decides who was first, and tells who was not."""
    task_id = await people.assign("Nhiệm vụ nhiều người cùng xử lý")
    await people.act("clerk-stc", task_id, "receipt")
    await people.act("head-stc", task_id, "delegation", officer="officer-stc", instruction="Tổng hợp số liệu")
    percents = [{"percent": number} for number in range(_CROWD)]
    on_one_version = await people.act_at_once("officer-stc", task_id, "progress", percents, **{"If-Match": '"3"'})
    assert outcomes(on_one_version) == {(200, ""): 1, (412, "version-conflict"): _CROWD - 1}
    on_any_version = await people.act_at_once("officer-stc", task_id, "progress", percents)
    assert outcomes(on_any_version) == {(200, ""): _CROWD}
    assert sorted(answer.json()["version"] for answer in on_any_version) == list(range(5, 5 + _CROWD))
    asked = [{"new_deadline": in_days(40 + number), "reason": "Chờ số liệu"} for number in range(_CROWD)]
    extensions = await people.act_at_once("head-stc", task_id, "extension", asked)
    assert outcomes(extensions) == {(200, ""): 1, (409, "extension-pending"): _CROWD - 1}
    done = Counter(entry["act"] for entry in await people.history(task_id))
    assert done.pop("progressed") == 1 + _CROWD
    assert done == dict.fromkeys(("assigned", "received", "delegated", "extension_requested"), 1)
    await people.agree()
    say(f"{_CROWD} acts at once on one task, three times: done were 1, {_CROWD} and 1, each once in the history")


def outcomes(answers: Sequence[httpx2.Response]) -> Counter[tuple[int, str]]:
    """Count the answers by their status and the code of a problem."""
    return Counter((answer.status_code, answer.json().get("code", "")) for answer in answers)


async def was_asked(container: dict[str, Any], service: str) -> bool:
    """Whether a replica itself has answered something under /v1, as it counts it."""
    port = {"assignment": 8001, "deadline": 8002}[service]
    reading = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/metrics').read().decode())"
    figures = await docker("exec", container["Id"], "python", "-c", reading)
    return any(line.startswith("dondoc_http_requests_total") and 'route="/v1/' in line for line in figures.splitlines())


async def test_prometheus_sees_every_replica_once(project: Project, say: Say) -> None:
    expected = Counter({service: SCALES.get(service, 1) for service in SERVICES})

    async def seen() -> bool:
        return await up_by_port(project) == Counter({8001 + SERVICES.index(name): expected[name] for name in expected})

    await wait_until(seen, "Prometheus scrapes every replica once", 90.0)
    say(f"Prometheus scrapes {expected.total()} replicas")


async def up_by_port(project: Project) -> Counter[int]:
    """Count the targets that are up, by the port that tells the service."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"{project.urls['prometheus']}/api/v1/targets", params={"state": "active"})
    ports = [
        int(target["scrapeUrl"].split(":")[2].split("/")[0])
        for target in answer.json()["data"]["activeTargets"]
        if target["health"] == "up"
    ]
    return Counter(port for port in ports if port in range(8001, 8005))


async def test_grafana_answers_with_the_runbooks_beside_it(project: Project, say: Say) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        health = expect(200, await http.get(f"{project.urls['grafana']}/api/health"))
        runbook = await http.get(f"{project.urls['grafana']}/runbooks/dead-letters.md")
    assert health["database"] == "ok"
    assert "DondocDeadLetters" in runbook.text
    assert runbook.headers["Content-Type"] == "text/plain; charset=utf-8"
    say("Grafana answers" + (", by a stand-in for its image" if health.get("standin") else ""))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_container_comes_back_and_nothing_is_lost(
    project: Project, people: People, say: Say, kind: str
) -> None:
    before = len(people.tasks)
    await people.assign(f"Trước khi {kind} dừng")
    victim = (await project.containers(kind))[0]
    assigning = [asyncio.create_task(assign_some(people, f"Khi {kind} dừng {hand}")) for hand in range(3)]
    await wait_until(lambda: len(people.tasks) >= before + 4, "tasks are being assigned")
    await project.kill(victim)
    await asyncio.gather(*assigning)

    async def healed() -> bool:
        again = next(found for found in await project.containers(running=False) if found["Id"] == victim["Id"])
        return bool(again["RestartCount"] > victim["RestartCount"] and is_well(again))

    await wait_until(healed, f"{kind} is back and well", _WELL_WITHIN_SECONDS)
    await all_well(project)
    await people.assign(f"Sau khi {kind} dừng")
    await people.agree()
    say(f"{kind} killed: back and well; {len(people.tasks)} tasks in all, none lost, nobody told twice")


async def assign_some(people: People, title: str) -> None:
    for number in range(6):
        await people.assign(f"{title} {number}")


async def test_the_data_stay_after_down_and_up(project: Project, people: People, say: Say) -> None:
    told = await people.told("head-stc")
    await project.do("down")
    assert await project.containers(running=False) == []
    await project.up(**SCALES)
    await all_well(project)
    await people.agree()
    assert await people.told("head-stc") == told
    await people.assign("Sau khi khởi động lại toàn bộ")
    await people.agree()
    say(f"down and up again: all {len(people.tasks)} tasks are there, and new ones go their way")
