"""The servers of a run: one for all candidates that can share it, up before the first trial."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from brokerbench.contract import BadTarget, Driver
from brokerbench.model import Candidate, Plan, ServerKind
from brokerbench.servers import Guardian, Host, NotAvailable, Server

from .folder import RunFolder
from .options import RunOptions
from .planner import recipe_of, settings_of

__all__ = ["Servers"]


class Servers:
    """One server for candidates whose recipe and key are the same; kept up for the run, started again if it died."""

    def __init__(
        self, plan: Plan, drivers: Mapping[str, Driver], guardian: Guardian, folder: RunFolder, options: RunOptions
    ) -> None:
        self._drivers, self._guardian, self._folder, self._options = drivers, guardian, folder, options
        self._candidates = [c for c in plan.candidates if c.excluded is None]
        self._up: dict[str, Server] = {}
        self._failed: dict[str, str] = {}
        self._logs: dict[str, str] = {}
        self._tries = 0

    def start_all(self) -> None:
        """Before the first trial and side by side: a cold start must not fall into another candidate's trial."""
        first = {self._key(c): c for c in reversed(self._candidates)}
        with ThreadPoolExecutor(max_workers=max(1, len(first))) as pool:
            list(pool.map(self._try_start, first.values()))

    def up(self, candidate: Candidate) -> Server:
        """Raises NotAvailable with the reason when it does not come up."""
        key = self._key(candidate)
        server = self._up.get(key)
        if server is not None and not all(process.alive() for process in server.processes):
            for process in self._up.pop(key).processes:  # a cluster without one node is not what was asked
                process.stop(server.stop_grace_s)
        if key not in self._up and key not in self._failed:
            self._try_start(candidate)
        if key in self._failed:
            raise NotAvailable(self._failed[key])
        return self._up[key]

    def pids(self, candidate: Candidate) -> Callable[[], dict[str, list[int]]]:
        """The processes of the candidate's own server, and of the servers that wait for their trials."""
        mine = self._up[self._key(candidate)].processes
        waiting = [process for server in self._up.values() for process in server.processes if process not in mine]

        def look() -> dict[str, list[int]]:
            groups: dict[str, list[int]] = {"broker": [], "other_servers": []}
            for process, pids in self._guardian.pids().items():
                if process in mine and not process.parting_s:  # else what serves is not below us: not measured
                    groups["broker"] += pids
                elif process in waiting:
                    groups["other_servers"] += pids
            return groups

        return look

    def watch(self, candidate: Candidate) -> Callable[[], str | None]:
        """Says in words whether a process of the candidate's server has ended since."""
        processes, logs = self._up[self._key(candidate)].processes, self._logs.get(self._key(candidate), "")

        def look() -> str | None:
            for number, process in enumerate(processes, 1):
                if not process.alive():
                    which = f"node {number} of {len(processes)} of its server" if len(processes) > 1 else "its server"
                    return f"{which} ended by itself (process {process.pid}); its log: {logs}"
            return None

        return look

    def _key(self, candidate: Candidate) -> str:
        driver = self._drivers[candidate.driver]
        if candidate.server.kind is ServerKind.EXTERNAL:
            return f"{driver.name}/external/{candidate.url}"
        own = recipe_of(driver, candidate).key(settings_of(driver, candidate))
        return f"{driver.name}/{candidate.server.text}/{own}"

    def _try_start(self, candidate: Candidate) -> None:
        key, driver = self._key(candidate), self._drivers[candidate.driver]
        try:
            if candidate.server.kind is ServerKind.EXTERNAL:
                self._up[key] = self._external(candidate, driver)
                return
            recipe = recipe_of(driver, candidate)
            if not recipe.available().ready:
                recipe.fetch(lambda text: self._options.observe("say", {"text": text}))
            self._up[key] = recipe.start(self._host(candidate), settings_of(driver, candidate))
            self._options.observe("server", {"candidate": candidate.name, "about": self._up[key].about})
        except (NotAvailable, BadTarget) as error:
            self._failed[key] = f"{candidate.name}: {error}"

    def _external(self, candidate: Candidate, driver: Driver) -> Server:
        """Looked at once, before anything of ours is there.

        Raises BadTarget where it cannot be used, NotAvailable where others use it."""
        address = driver.address(str(candidate.url))
        admin = driver.admin(address, settings_of(driver, candidate))
        try:
            busy = admin.busy()
        finally:
            admin.close()
        if busy and not self._options.allow_busy:
            raise NotAvailable(
                f"others use this server: {busy}; measuring would disturb them, and they the figures:"
                " wait until it is idle, or run with --allow-busy"
            )
        return Server(address=address, process=None, about={})

    def _host(self, candidate: Candidate) -> Host:
        self._tries += 1
        name = candidate.name if self._tries <= len(self._candidates) else f"{candidate.name}-{self._tries}"
        self._logs[self._key(candidate)] = f"servers/{name}"
        return self._guardian.host(
            name, self._folder.logs(name), lambda text: self._options.observe("say", {"text": text})
        )
