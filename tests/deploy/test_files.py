"""What `deploy/` ships is looked at by the tools that can: schemas of Compose and Kubernetes, hadolint, systemd, PromQL; and
every command, setting, metric and error code that is named there exists.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import promql_parser
import pytest
import yaml
from compose_spec import PyCompose

from codebook.errors import CODES
from codebook.stages import QUEUES
from console.cli import all_commands
from console.reference import environment_file
from database.roles import PAGES, READER, ROLES, WORKER
from runtime.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
SETTINGS = {f"GONGKAI_{name.upper()}" for name in Settings.model_fields}


def documents(path: Path) -> list[Any]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def understood(words: list[str]) -> Any:
    """Let the command line read ``gongkai WORDS`` without doing it; raises click.UsageError for what it does not know."""
    known, rest = all_commands(), list(words)
    name = f"gongkai {rest.pop(0)}"
    if name not in known:
        name = f"{name} {rest.pop(0)}"
    return known[name].make_context(name, rest).params


# ---- settings ----


def test_the_example_of_an_environment_file_names_every_setting_and_no_other() -> None:
    written = (DEPLOY / "env.example").read_text()
    assert written == environment_file(), "run: python -m console.reference env > deploy/env.example"
    named = re.findall(r"^(?:# )?(GONGKAI_\w+)=", written, flags=re.M)
    assert set(named) - {"GONGKAI_IMAGE"} == SETTINGS
    assert len(named) == len(set(named))


def test_the_defaults_of_the_example_are_settings_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    written = re.findall(r"^# (GONGKAI_\w+)=(.+)$", (DEPLOY / "env.example").read_text(), flags=re.M)
    for name, value in written:
        monkeypatch.setenv(name, value)
    made, plain = Settings(), Settings.model_construct()
    above = {"database_url", "broker_url", "store_url", "concurrency", "home", "flower_auth"}
    assert {name: getattr(made, name) for name in Settings.model_fields if name not in above} == {
        name: getattr(plain, name) for name in Settings.model_fields if name not in above
    }


def test_every_setting_that_is_named_exists() -> None:
    for path in (each for each in DEPLOY.rglob("*") if each.is_file()):
        named = set(re.findall(r"\bGONGKAI_[A-Z_]*[A-Z]\b", path.read_text()))
        assert {name for name in named - {"GONGKAI_IMAGE"} if not any(s.startswith(name) for s in SETTINGS)} == set(), path


# ---- the image ----


def test_the_dockerfile_is_good_practice() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", text, flags=re.M)
    assert "--require-hashes -r /src/requirements.lock" in text
    assert understood(json.loads(re.search(r"HEALTHCHECK.*CMD (\[.*\])", text)[1])[1:]) == {"part": None}  # type: ignore[index]


def test_what_is_copied_into_the_image_is_there_and_let_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), flags=re.M)
    names = {name for line in copied for name in line.split()}
    assert all((REPOSITORY / name).exists() for name in names)
    let = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let == names


@pytest.mark.slow
def test_the_package_holds_all_files_of_its_rooms(tmp_path: Path) -> None:
    rooms = ("codebook", "database", "runtime", "workers", "tasks", "ingest", "console")
    copy = tmp_path / "src"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, copy / name)
    for room in rooms:
        shutil.copytree(REPOSITORY / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {str(path.relative_to(copy)) for room in rooms for path in (copy / room).rglob("*") if path.is_file()}


# ---- Compose ----

FILLED = {
    "POSTGRES_PASSWORD": "p",
    "WORKER_PASSWORD": "w",
    "PAGES_PASSWORD": "c",
    "READER_PASSWORD": "m",
    "REDIS_PASSWORD": "r",
    "GRAFANA_PASSWORD": "g",
    "GONGKAI_FLOWER_AUTH": "operator:f",
    "SERVER_NAME": "gongkai.example",
}


def filled_in(value: Any) -> Any:
    """As Compose does it: ``${NAME}``, ``${NAME:-default}``, ``${NAME:?why}``, ``$$``."""
    if isinstance(value, dict):
        return {key: filled_in(each) for key, each in value.items()}
    if isinstance(value, list):
        return [filled_in(each) for each in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else FILLED.get(match["name"]) or (match["default"] or "")

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}", found, value)


@pytest.fixture(scope="module")
def compose() -> Any:
    return filled_in(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


def test_the_compose_file_fits_its_specification(compose: Any) -> None:
    read = PyCompose.from_yaml(yaml.safe_dump(compose))
    for check in (read.validate_networks, read.validate_volumes, read.validate_secrets, read.validate_configs):
        check()
    assert set(compose["services"]) >= {"postgres", "redis", "migrate", "watcher", "flower", "console", "prometheus", "grafana"}


def test_compose_asks_for_every_password_and_the_example_names_what_it_reads() -> None:
    text = (DEPLOY / "compose.yml").read_text()
    demanded = set(re.findall(r"\$\{(\w+):\?", text))
    assert demanded == set(FILLED)
    example = (DEPLOY / "env.example").read_text()
    for name in set(re.findall(r"\$\{(\w+)", text)):
        assert re.search(rf"^(# )?{name}=", example, flags=re.M), name


def ours(compose: Any) -> dict[str, Any]:
    return {name: one for name, one in compose["services"].items() if one["image"].startswith("gongkai")}


def test_services_run_commands_that_exist(compose: Any) -> None:
    services = ours(compose)
    for name, service in services.items():
        understood(service["command"])
        test = service["healthcheck"].get("test", [])
        if test[1:2] == ["gongkai"]:
            assert understood(test[2:])["part"] in (None, name.partition("-")[0].removesuffix("s")), name
    queues = [understood(one["command"])["queues"] for name, one in services.items() if name.startswith("worker-")]
    assert sorted(queues) == sorted(QUEUES)
    assert sum(name.startswith("rescuer") for name in services) == 2


def test_services_are_bounded_watched_started_again_and_not_root(compose: Any) -> None:
    for name, service in compose["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits["memory"], name
        assert limits["cpus"], name
        assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped"), name
        assert service["healthcheck"].get("test") or name == "migrate", name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    for name, service in ours(compose).items():
        assert (service["read_only"], service["cap_drop"], service["env_file"]) == (True, ["ALL"], [".env"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    redis = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in redis
    assert "--maxmemory-policy noeviction" in redis


def test_files_that_compose_mounts_are_there(compose: Any) -> None:
    volumes = [volume for one in compose["services"].values() for volume in one.get("volumes", [])]
    mounted = {volume.split(":")[0] for volume in volumes if volume.startswith("./")} - {"./inbox", "./tls"}
    assert mounted
    assert [name for name in mounted if not (DEPLOY / name).exists()] == []


def test_pages_are_reached_through_the_proxy_alone_and_parts_have_their_own_roles(compose: Any) -> None:
    services = compose["services"]
    assert "ports" not in services["console"]
    assert set(services["proxy"]["networks"]) & set(services["console"]["networks"]) == {"edge"}
    subnet = compose["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    assert services["console"]["environment"]["GONGKAI_CONSOLE_PROXIES"] == subnet
    template = (DEPLOY / "nginx" / "gongkai.conf.template").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(services["proxy"]["environment"])
    users = {name: urlsplit(one["environment"]["GONGKAI_DATABASE_URL"]).username for name, one in ours(compose).items()}
    special = {"migrate": "gongkai", "console": PAGES, "metrics": READER, "flower": READER}
    assert users == {name: special.get(name, WORKER) for name in users}
    made = re.findall(r"create role (\w+)", (DEPLOY / "postgres-roles.sh").read_text())
    assert set(made) == set(ROLES)


def test_no_part_sees_the_password_of_another(compose: Any) -> None:
    """Compose gives the whole of .env to each container, less what its own environment sets."""
    passwords = {name for name in FILLED if name.endswith("_PASSWORD")} | {"GONGKAI_FLOWER_AUTH"}
    for name, service in ours(compose).items():
        seen = {key for key in passwords if service["environment"].get(key, "from .env") != ""}
        assert seen == ({"GONGKAI_FLOWER_AUTH"} if name == "flower" else set()), name


def images() -> Iterator[str]:
    yield from re.findall(r"image: (\S+)$", (DEPLOY / "compose.yml").read_text(), flags=re.M)
    yield "python:" + re.findall(r"^ARG PYTHON=(\S+)$", (DEPLOY / "Dockerfile").read_text(), flags=re.M)[0]
    yield from (one["spec"]["containers"][0]["image"] for one in pods().values())


def test_images_of_others_are_named_by_their_full_version_or_digest() -> None:
    others = {image for image in images() if "gongkai" not in image}
    assert len(others) >= 5
    assert [image for image in others if not re.search(r":v?\d+\.\d+\.\d+|:\d+\.\d+-alpine|@sha256:", image)] == []


MIB = 1 << 20
UNITS_OF_SIZE = {"k": 1 << 10, "m": MIB, "g": 1 << 30, "Mi": MIB, "Gi": 1 << 30, "M": MIB, "G": 1 << 30}


def size(text: str) -> int:
    found = re.fullmatch(r"(\d+)(\w+)", text)
    assert found is not None, text
    return int(found[1]) * UNITS_OF_SIZE[found[2]]


def processes(words: list[str]) -> int:
    return int(understood(words).get("concurrency") or 1)


def test_the_processes_of_a_worker_fit_into_its_container(compose: Any) -> None:
    """Address space is bounded for each process; all of them together must stay below what the container has."""
    for name, service in ours(compose).items():
        if name.startswith("worker-"):
            bound = int(service["environment"]["GONGKAI_MEMORY_BYTES"])
            limit = size(service["deploy"]["resources"]["limits"]["memory"])
            assert bound * processes(service["command"]) <= limit, name
    for name, template in pods().items():
        (container,) = template["spec"]["containers"]
        if name.startswith("worker-"):
            (bound,) = [int(one["value"]) for one in container["env"] if one["name"] == "GONGKAI_MEMORY_BYTES"]
            assert bound * processes(container["args"]) <= size(container["resources"]["limits"]["memory"]), name


def test_pods_have_the_secrets_of_their_part_alone() -> None:
    secrets = {
        name: {one["secretRef"]["name"].removeprefix("gongkai-") for one in container.get("envFrom", []) if "secretRef" in one}
        for name, template in pods().items()
        for container in template["spec"]["containers"]
    }
    work = {"worker", "broker", "store"}
    assert secrets == {
        "migrate": {"owner"},
        "worker-documents": work,
        "worker-ocr": work,
        "worker-retry": work,
        "watcher": work,
        "rescuer": {"worker", "broker"},
        "console": {"pages", "broker", "store"},
        "metrics": {"reader"},
        "flower": {"broker", "flower"},
        "redis": set(),
    }


def test_going_out_is_bounded_for_every_pod() -> None:
    """A rule without an address would let a pod reach everybody, and so carry out what it holds."""
    policies = by_kind("NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in policy["spec"].get("egress", []):
            assert rule.get("to"), name
            assert rule.get("ports"), name
            blocks = [each["ipBlock"]["cidr"] for each in rule["to"] if "ipBlock" in each]
            assert all(ip_network(block).is_private for block in blocks), name


# ---- Kubernetes ----

BASE = DEPLOY / "kubernetes" / "base"


def manifests() -> list[Any]:
    return [one for path in sorted(BASE.glob("*.yaml")) if path.name != "kustomization.yaml" for one in documents(path)]


def by_kind(kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == kind}


def pods() -> dict[str, Any]:
    kinds = ("Deployment", "StatefulSet", "Job")
    return {one["metadata"]["name"]: one["spec"]["template"] for one in manifests() if one["kind"] in kinds}


def test_manifests_fit_the_schemas_of_kubernetes() -> None:
    for one in manifests():
        kubernetes_validate.validate(one, "1.32", strict=True)
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", ["base", "keda"])
def test_kustomize_puts_them_together(overlay: str) -> None:
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    kinds = {each["kind"] for each in made}
    assert ("ScaledObject" in kinds) == (overlay == "keda")
    assert ("HorizontalPodAutoscaler" in kinds) == (overlay == "base")
    for each in made:
        assert each["metadata"]["namespace"] == "gongkai"
        if not each["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(each, "1.32", strict=True)


def test_containers_run_commands_that_exist_and_are_probed() -> None:
    for name, template in pods().items():
        (container,) = template["spec"]["containers"]
        if container["image"] != "gongkai":
            continue
        understood(container["args"])
        probe = container.get("livenessProbe", {})
        if "exec" in probe:
            program, *words = probe["exec"]["command"]
            assert program == "gongkai"
            assert understood(words)["part"] == name.partition("-")[0]
        else:
            assert name == "migrate" or {"httpGet", "tcpSocket"} & set(probe), name
    args = {name: template["spec"]["containers"][0].get("args") for name, template in pods().items()}
    queues = {understood(words)["queues"] for name, words in args.items() if name.startswith("worker-")}
    assert queues == set(QUEUES)


def test_containers_are_bounded_and_may_do_nothing_that_they_need_not() -> None:
    for name, template in pods().items():
        pod, (container,) = template["spec"], template["spec"]["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        context = container["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True), name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert set(container["resources"]) == {"requests", "limits"}, name
        assert template["metadata"]["labels"]["gongkai/part"] in ("inner", "pages", "measured", "broker"), name


def test_what_scales_guards_and_serves_points_at_something() -> None:
    deployments, labels = by_kind("Deployment"), {name: one["metadata"]["labels"] for name, one in pods().items()}
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in by_kind("HorizontalPodAutoscaler").values()}
    assert scaled == {"worker-documents", "worker-ocr"}
    assert all("replicas" not in deployments[name]["spec"] for name in scaled)
    for kind, where in (("PodDisruptionBudget", "matchLabels"), ("Service", None)):
        for name, one in by_kind(kind).items():
            selector = one["spec"]["selector"][where] if where else one["spec"]["selector"]
            assert any(selector.items() <= each.items() for each in labels.values()), (kind, name)
    assert "nobody" in by_kind("NetworkPolicy")
    objects = [one for one in documents(DEPLOY / "kubernetes" / "keda" / "scaled.yaml") if one["kind"] == "ScaledObject"]
    for one in objects:
        assert one["spec"]["scaleTargetRef"]["name"] in deployments
        queue = re.search(r"queue = '(\w+)'", one["spec"]["triggers"][0]["metadata"]["query"])
        assert queue is not None
        assert queue[1] in QUEUES


# ---- systemd ----

UNITS = DEPLOY / "systemd"


def started(path: Path) -> list[str]:
    line = re.search(r"^ExecStart=/opt/gongkai/bin/gongkai (.*)$", path.read_text(), flags=re.M)
    return shlex.split(line[1]) if line else []


def test_units_run_commands_that_exist() -> None:
    commands = {path.name: started(path) for path in UNITS.glob("*.service")}
    for name, words in commands.items():
        understood([("documents" if word == "%i" else word) for word in words])
        assert words, name


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a program that is there on this machine."""
    made = []
    for path in sorted(UNITS.iterdir()):
        text = path.read_text().replace("/opt/gongkai/bin/gongkai", "/bin/true")
        made.append(tmp_path / path.name.replace("@.", "@ocr."))
        (tmp_path / path.name).write_text(text)
        made[-1].write_text(text)
    return made


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units_and_finds_them_closed(units: list[Path]) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for path in (each for each in units if each.suffix == ".service"):
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout[-400:]


# ---- Prometheus and Grafana ----


def test_expressions_are_promql() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    written = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    written += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for expression in written:
        promql_parser.parse(expression)


def test_prometheus_asks_services_that_are_there(compose: Any) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    targets = [target for job in config["scrape_configs"] for one in job["static_configs"] for target in one["targets"]]
    assert targets
    for target in targets:
        assert target.partition(":")[0] in compose["services"]
    assert config["rule_files"] == ["prometheus-alerts.yml"]


def test_grafana_finds_its_source_and_its_dashboard(compose: Any) -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["type"] == "prometheus"
    (provider,) = yaml.safe_load((folder / "dashboards" / "gongkai.yml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts["./grafana-dashboard.json"].startswith(provider["options"]["path"] + "/")
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"


# ---- the runbook ----


@pytest.mark.parametrize("name", ["runbook.md", "runbook.zh-CN.md"])
def test_the_runbook_knows_every_code_and_every_alert(name: str) -> None:
    text = (DEPLOY / name).read_text()
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^#### `(.+)`$", text, flags=re.M) == [*CODES, *alerts]
    chapters = re.split(r"^#### `.+`$", text, flags=re.M)[1:]
    for title, body in zip([*CODES, *alerts], chapters, strict=True):
        assert len(body.strip()) > 5, title
    for code, body in zip(CODES, chapters, strict=False):
        assert body.count("- **") == 3, code


def test_the_chinese_runbook_says_what_the_program_says() -> None:
    text = (DEPLOY / "runbook.zh-CN.md").read_text()
    for code, rule in CODES.items():
        body = text.split(f"#### `{code}`\n")[1]
        assert body.startswith(f"- **含义：** {rule.meaning}"), code


def test_commands_of_the_runbook_exist() -> None:
    for name in ("runbook.md", "runbook.zh-CN.md"):
        for line in re.findall(r"`gongkai ([a-z][^`]*)`", (DEPLOY / name).read_text()):
            words = [word.replace("ID", "1").replace("编号", "1") for word in shlex.split(line)]
            understood(words + ["x"] * (line in ("ingest", "watch")))
