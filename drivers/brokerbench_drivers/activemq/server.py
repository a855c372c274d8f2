"""Servers of our own: the pinned version of each product, or what ARTEMIS_HOME and ACTIVEMQ_HOME hold."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from brokerbench.model import ServerSpec
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost, ServerRecipe
from brokerbench.servers.java import INSTALL_JAVA, find_java
from brokerbench.servers.maven import PinnedArchive, PinnedJars

from . import artemis_server, classic_server
from .settings import Product, Settings

__all__ = ["EMBEDDED", "NATIVE"]

_HERE = Path(__file__).parent
_ARTEMIS = PinnedArchive("ActiveMQ Artemis 2.44.0", _HERE / "artemis.sha256", 46.3, "activemq")
_CLASSIC = PinnedJars("ActiveMQ Classic 6.3.1", _HERE / "classic.sha256", 16.7, "activemq")
_AGENT = PinnedJars("Jolokia 2.1.2", _HERE / "jolokia.sha256", 0.7, "activemq")


class _Recipe:
    """One product from one place. Subclasses say what is there and how it starts."""

    pinned: tuple[PinnedJars, ...] = ()

    def found(self) -> tuple[Path | None, str, str]:
        """(Where it is, None where it has none or cannot be had; its version; what it is, or why not)."""
        raise NotImplementedError

    def key(self, settings: Settings) -> str:
        sync = settings.journal_sync or "always"
        return f"{type(self).__name__} heap={settings.heap_mib} sync={sync} tls={settings.tls}"

    def available(self) -> Availability:
        version, what = self.found()[1:]
        java = find_java()
        if not version:
            return Availability(ready=False, what=what)
        if java is None:
            return Availability(ready=False, what=f"{what} needs a Java: {INSTALL_JAVA}")
        what = f"{what} on Java {java.major}"
        shares = [(jars, len(jars.missing()) / len(jars.jars)) for jars in self.pinned]
        if not any(share for _, share in shares):
            return Availability(ready=True, what=what)
        if not self.pinned[0].can_fetch():
            return Availability(ready=False, what=f"{what} is fetched by jgo: pip install 'brokerbench[activemq]'")
        megabytes = sum(jars.megabytes * share for jars, share in shares)
        return Availability(ready=False, fetchable=True, download_mb=round(megabytes, 1), what=what)

    def fetch(self, say: Callable[[str], None]) -> None:
        if not self.found()[1]:
            raise NotAvailable(self.found()[2])
        for jars in self.pinned:
            jars.fetch(say)

    def start(self, host: ServerHost, settings: Settings) -> Server:
        raise NotImplementedError


class _PinnedArtemis(_Recipe):
    pinned = (_ARTEMIS.pinned,)

    def found(self) -> tuple[Path | None, str, str]:
        return None, "2.44.0", _ARTEMIS.pinned.title

    def start(self, host: ServerHost, settings: Settings) -> Server:
        return artemis_server.start(host, settings, _ARTEMIS.unpacked(host.say))


class _PinnedClassic(_Recipe):
    pinned = (_CLASSIC, _AGENT)

    def found(self) -> tuple[Path | None, str, str]:
        return None, "6.3.1", _CLASSIC.title

    def start(self, host: ServerHost, settings: Settings) -> Server:
        self.fetch(host.say)
        return classic_server.start(host, settings, _CLASSIC.classpath(), _agent(), amqp=True)


class _ArtemisHome(_Recipe):
    def found(self) -> tuple[Path | None, str, str]:
        return _home("ARTEMIS_HOME", "ActiveMQ Artemis", "lib/artemis-server-*.jar")

    def start(self, host: ServerHost, settings: Settings) -> Server:
        home, _, what = self.found()
        if home is None:
            raise NotAvailable(what)
        return artemis_server.start(host, settings, home)


class _ClassicHome(_Recipe):
    pinned = (_AGENT,)

    def found(self) -> tuple[Path | None, str, str]:
        return _home("ACTIVEMQ_HOME", "ActiveMQ Classic", "lib/activemq-broker-*.jar")

    def start(self, host: ServerHost, settings: Settings) -> Server:
        home, _, what = self.found()
        if home is None:
            raise NotAvailable(what)
        self.fetch(host.say)
        amqp = any(home.glob("lib/**/activemq-amqp-*.jar"))  # not every distribution has it
        return classic_server.start(host, settings, str(home / "bin" / "activemq.jar"), _agent(), amqp=amqp, home=home)


def _agent() -> Path:
    return Path(_AGENT.classpath())


def _home(variable: str, title: str, jar: str) -> tuple[Path | None, str, str]:
    named = os.environ.get(variable)
    if not named:
        return None, "", f"set {variable} to an unpacked {title}, or use server: embedded"
    for found in sorted(Path(named).glob(jar)):
        if match := re.search(r"-(\d[\d.]*\d)\.jar$", found.name):
            return Path(named), match[1], f"{title} {match[1]} of {variable}"
    return None, "", f"{variable} is {named}, where no {jar} is; point it to an unpacked {title}"


class _ByProduct:
    """The recipe of the product that the settings name; where none are given, the first that can be had."""

    def __init__(self, recipes: Mapping[Product, _Recipe]) -> None:
        self._recipes = recipes

    def available(self) -> Availability:
        found = [recipe.available() for recipe in self._recipes.values()]
        return next((each for each in found if each.ready or each.fetchable), found[0])

    def fetch(self, say: Callable[[str], None]) -> None:
        next(iter(self._recipes.values())).fetch(say)

    def key(self, settings: Settings) -> str:
        return self._recipes[settings.product].key(settings)

    def start(self, host: ServerHost, settings: Settings) -> Server:
        return self._recipes[settings.product].start(host, settings)

    def tailored(self, settings: Settings, spec: ServerSpec) -> ServerRecipe:
        recipe = self._recipes[settings.product]
        _, version, what = recipe.found()
        if spec.nodes > 1:
            raise NotAvailable(f"{spec.nodes} nodes are asked, and ActiveMQ starts as one server here: leave nodes out")
        if spec.version is not None and version and not f"{version}.".startswith(f"{spec.version}."):
            raise NotAvailable(
                f"version {spec.version} is asked, there is {what}: leave version out, or set"
                f" {'ARTEMIS_HOME' if settings.product == 'artemis' else 'ACTIVEMQ_HOME'} and use server: native"
            )
        return recipe


EMBEDDED = _ByProduct({"artemis": _PinnedArtemis(), "classic": _PinnedClassic()})
NATIVE = _ByProduct({"artemis": _ArtemisHome(), "classic": _ClassicHome()})
