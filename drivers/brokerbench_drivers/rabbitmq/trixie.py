"""RabbitMQ 4 for a machine whose own package is older: out of a Debian 13 folder ("trixie"), made by debootstrap.

The folder is in the user's cache. A node has it as its root, read-only, in a mount namespace of its own: nothing is
mounted for anybody else, and when the node's last process ends, however it does, the kernel takes all of it away.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from brokerbench.servers import Availability, NotAvailable, ServerHost, make_once, user_cache

from .debootstrap import bootstrap
from .software import Run, version_of

__all__ = ["Trixie"]

VERSION = "4.0.5"  # a stable release of Debian keeps it
TITLE = f"RabbitMQ {VERSION} in a Debian 13 folder"
DOWNLOAD_MB, DISK_MB = 90, 240
PROGRAMS = ("unshare", "mount", "chroot")  # of every Debian
CAP_SYS_ADMIN = 21
# Read-only, or two servers could meet in it. Of the machine it has what the kernel shows: with no /sys Erlang would
# not see the limits of a container, and take more CPUs than it has.
ENTER = """
set -e
root=$1; folder=$2; logs=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for shown in proc sys dev; do mount --rbind "/$shown" "$root/$shown"; done
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$folder" "$root/srv"
mount --bind "$logs" "$root/mnt"
exec chroot "$root" "$@"
"""


class Trixie:
    @property
    def root(self) -> Path:
        return user_cache() / "debian-13-rabbitmq"

    def version(self) -> str:
        return version_of(self.root / "usr/lib/rabbitmq") or VERSION

    def available(self) -> Availability:
        missing = _missing(PROGRAMS)
        if missing:
            return Availability(ready=False, what=missing)
        if self.root.is_dir():
            return Availability(ready=True, what=TITLE)
        missing = _missing(("debootstrap", "apt-get", "wget"))
        return Availability(ready=False, fetchable=not missing, download_mb=DOWNLOAD_MB, what=missing or TITLE)

    def fetch(self, say: Callable[[str], None]) -> None:
        found = self.available()
        if found.ready:
            return
        if not found.fetchable:
            raise NotAvailable(found.what)
        say(f"{TITLE}: about {DOWNLOAD_MB} MB to fetch, {DISK_MB} MB in {self.root}, a minute")
        try:
            make_once(self.root, lambda staging: bootstrap("trixie", "rabbitmq-server", staging, TITLE))
        except OSError as error:
            where = error.filename or self.root
            raise NotAvailable(
                f"{TITLE}: {where} cannot be written: {error.strerror}; set XDG_CACHE_HOME to a folder that can"
            ) from error
        say(f"{TITLE}: made")

    def run(self, host: ServerHost) -> Run:
        self.fetch(host.say)
        script = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        enter = ("unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter")
        return Run(
            command=(*enter, str(self.root), str(host.folder), str(host.logs), script),
            folder=Path("/srv"),
            logs=Path("/mnt"),
            about={"command": script, "software": f"Debian 13 folder {self.root}"},
            environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"},
        )


def _missing(programs: tuple[str, ...]) -> str:
    """What is not here, and what to do; empty if all is."""
    if not _may_mount():
        return f"{TITLE} needs root, in a container also the right to mount: run as root, or leave version out"
    lacking = [program for program in programs if shutil.which(program) is None]
    return f"{TITLE} needs {', '.join(lacking)}: apt-get install debootstrap (on Debian)" if lacking else ""


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    status = Path("/proc/self/status").read_text()
    held = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(held, 16) >> CAP_SYS_ADMIN & 1)
