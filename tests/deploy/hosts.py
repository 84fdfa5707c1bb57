"""Hosts without containers: processes, names and networks of their own where the system lets us, plain processes else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
_TOOLS = ("ip", "unshare", "nsenter", "hostname")


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


class Wires:
    """A network of our own: a namespace for services, and one for each host, joined by a pair of cables each.

    ``real`` is False where the system does not allow it; hosts are then plain processes, and services listen on 127.0.0.1.
    """

    def __init__(self) -> None:
        self._stem = f"gk{uuid.uuid4().hex[:6]}"
        self.services = f"{self._stem}s"
        self._made: list[str] = []
        self.real = True
        try:
            self._add(self.services)
            _do("unshare", "--uts", "--pid", "--fork", "--mount-proc", "true")
        except (OSError, subprocess.CalledProcessError):
            self.close()
            self.real = False

    def _add(self, name: str) -> None:
        _do("ip", "netns", "add", name)
        self._made.append(name)
        _do("ip", "-n", name, "link", "set", "lo", "up")

    @property
    def prefix(self) -> list[str]:
        """The words before the command of a service."""
        return ["ip", "netns", "exec", self.services] if self.real else []

    @property
    def listen(self) -> str:
        """The address on which services listen."""
        return "0.0.0.0" if self.real else "127.0.0.1"

    def join(self, number: int) -> tuple[str, str]:
        """Make the namespace of host ``number``; gives its name, and the address at which it reaches the services."""
        if not self.real:
            return "", "127.0.0.1"
        name, near, far = f"{self._stem}h{number}", f"{self._stem}a{number}", f"{self._stem}b{number}"
        self._add(name)
        _do("ip", "-n", self.services, "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        for where, link, last in ((self.services, near, 1), (name, far, 2)):
            _do("ip", "-n", where, "addr", "add", f"10.213.{number}.{last}/30", "dev", link)
            _do("ip", "-n", where, "link", "set", link, "up")
        return name, f"10.213.{number}.1"

    def close(self) -> None:
        """Take it all away."""
        while self._made:
            subprocess.run(["ip", "netns", "del", self._made.pop()], check=False, capture_output=True)


class Host:
    """A host with a home folder of its own, on which commands of the program run."""

    def __init__(self, wires: Wires, number: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.name, self.home = f"host-{number}", folder / f"host-{number}"
        self.home.mkdir()
        self._wires = wires
        self._space, self.services = wires.join(number)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GONGKAI_", "AWS_"))}
        own = {"GONGKAI_HOME": str(self.home / "gongkai"), "PYTHONPATH": str(REPOSITORY)}
        self.environment = {**clean, **own, **environment}
        self._running: list[subprocess.Popen[str]] = []
        self._first = self._boot() if wires.real else None

    def _boot(self) -> int:
        """The first process of the host; when it is killed, the kernel kills all others with it."""
        command = ["ip", "netns", "exec", self._space, "unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        text = f"hostname {self.name} && echo up && exec sleep 600"
        process = subprocess.Popen([*command, "sh", "-c", text], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        self._running.append(process)
        return psutil.Process(process.pid).children()[0].pid

    def _command(self, words: Sequence[str]) -> list[str]:
        inside = ["nsenter", "-t", str(self._first), "-n", "-u", "-p", "-m"] if self._first else []
        return [*inside, sys.executable, "-m", "console.cli", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``gongkai WORDS`` to its end."""
        return subprocess.run(
            self._command(words), env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False
        )

    def start(self, *words: str) -> None:
        """``gongkai WORDS`` in the background; its log lies in the host's folder."""
        with (self.home / f"{words[0]}.log").open("a") as log:
            process = subprocess.Popen(
                self._command(words),
                env=self.environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._running.append(process)

    def logs(self) -> str:
        """The ends of all logs, for a test that fails."""
        return "\n".join(f"--- {path}\n{path.read_text()[-2000:]}" for path in sorted(self.home.glob("*.log")))

    def cut(self) -> None:
        """Pull the plug: everything on the host is gone at once, and says no goodbye."""
        family = [child for process in self._running for child in _family(process.pid)]
        if self._first is not None:  # the kernel does the rest
            family.sort(key=lambda process: process.pid != self._first)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        for started in self._running:
            started.wait(90)
        self._running.clear()
        self._first = None
        psutil.wait_procs(family, timeout=90)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def until(condition: object, seconds: float, why: object = "") -> None:
    """Wait until ``condition()`` holds. Raises AssertionError with ``why()`` after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, why() if callable(why) else why
        time.sleep(0.1)
