"""Makes a folder with a Debian and one package in it, from the mirror that this machine's apt uses."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from brokerbench.servers import NotAvailable

__all__ = ["bootstrap", "mirror"]

REACH_S = 20
BUILD_S = 900.0
# It ends with us, and all below it: a process that is killed does not wait for its children.
ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
TARGETS = ("apt-get", "indextargets", "--format", "$(ORIGIN)\t$(RELEASE)\t$(REPO_URI)", "Created-By: Packages")


def bootstrap(suite: str, package: str, folder: Path, title: str) -> None:
    """Fill the folder. Raises NotAvailable."""
    source = mirror(title)
    environment = {**os.environ, **_proxies(title)}
    _reach(source, suite, environment, title)
    told = ("--force-check-gpg", "--variant=minbase", f"--include={package}", suite, str(folder), source)
    made = _run((*ALONE, "debootstrap", *told), environment, BUILD_S, title)
    if made.returncode != 0:
        lines = made.stdout.splitlines() or [f"exit status {made.returncode}"]
        why = next((line for line in reversed(lines) if line.startswith("E:")), lines[-1])
        raise NotAvailable(f"{title}: debootstrap failed: {_without_user(why)}; see to that, and try again")
    folder.chmod(0o755)
    for used_up in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(folder / used_up)


def mirror(title: str) -> str:
    """Of Debian, as apt's configuration has it. Raises NotAvailable."""
    told = _run(TARGETS, os.environ, REACH_S, title).stdout
    own = _codename()
    for line in told.splitlines():
        origin, release, uri = line.split("\t")
        # Without lists (before the first `apt-get update`) apt knows no origin.
        debians = origin == "Debian" or (not origin and release == own)
        if debians and "-" not in release and re.match(r"https?://", uri):
            return uri
    raise NotAvailable(f"{title}: apt has no mirror of Debian on http or https: add one to its sources, apt-get update")


def _codename() -> str:
    system = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return system.get("VERSION_CODENAME", "") if system.get("ID") == "debian" else ""


def _proxies(title: str) -> Mapping[str, str]:
    """apt may have proxies that the environment does not name."""
    asked = ("http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy")
    told = _run(("apt-config", "shell", *asked), os.environ, REACH_S, title).stdout
    found = dict(word.split("=", 1) for word in shlex.split(told))
    return {name: url for name, url in found.items() if url and url != "DIRECT"}


def _reach(source: str, suite: str, environment: Mapping[str, str], title: str) -> None:
    """debootstrap tries for many minutes what does not answer once. Raises NotAvailable."""
    release = f"{source.rstrip('/')}/dists/{suite}/InRelease"
    ask = ("wget", "--no-verbose", "--spider", "--tries=1", f"--timeout={REACH_S}", release)
    answer = _run(ask, environment, 4 * REACH_S, title)
    if answer.returncode != 0:
        why = " ".join(answer.stdout.split()) or f"wget's exit status {answer.returncode}"
        raise NotAvailable(
            f"{title}: apt's mirror has no {suite}, or does not answer: {_without_user(why)};"
            " check the network and apt's sources, and try again"
        )


def _run(
    command: tuple[str, ...], environment: Mapping[str, str], timeout_s: float, title: str
) -> subprocess.CompletedProcess[str]:
    """Raises NotAvailable after `timeout_s`."""
    try:
        return subprocess.run(
            command,
            env={**environment, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for us, and we end it
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        program = command[len(ALONE)] if command[: len(ALONE)] == ALONE else command[0]
        raise NotAvailable(
            f"{title}: {program} has not ended within {timeout_s:g} s: try again when the network is quicker"
        ) from error


def _without_user(text: str) -> str:
    """A mirror's url may hold a password."""
    return re.sub(r"//[^/@\s]*@", "//", text)
