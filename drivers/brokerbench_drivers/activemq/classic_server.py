"""A Classic server of our own: its console's main class with a configuration of ours, and Jolokia as a Java agent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.servers import Server, ServerHost
from brokerbench_drivers._dated import dated

from .home import START_S, Ready, heap_flags, java_for, key_store, place
from .releases import RELEASED
from .settings import Settings

__all__ = ["start"]

_JOLOKIA = "http://127.0.0.1:{port}/jolokia"
# As the distribution's activemq.xml, with one connector, a user, and what its shell script would fill in.
_BROKER = """\
<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
    http://www.springframework.org/schema/beans/spring-beans.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="brokerbench" dataDirectory="{data}">
    <managementContext><managementContext createConnector="false"/></managementContext>
    <persistenceAdapter>
      <kahaDB directory="{data}/kahadb" enableJournalDiskSyncs="{sync}"/>
    </persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin>
        <users><authenticationUser username="{user}" password="{password}" groups="users,admins"/></users>
      </simpleAuthenticationPlugin>
    </plugins>{tls}
    <systemUsage>
      <systemUsage>
        <memoryUsage><memoryUsage percentOfJvmHeap="70"/></memoryUsage>
        <storeUsage><storeUsage limit="100 gb"/></storeUsage>
        <tempUsage><tempUsage limit="50 gb"/></tempUsage>
      </systemUsage>
    </systemUsage>
    <transportConnectors>
      <transportConnector name="stomp"
        uri="{scheme}://127.0.0.1:{port}?maximumConnections=1000&amp;wireFormat.maxFrameSize=104857600"/>
{amqp}    </transportConnectors>
  </broker>
</beans>
"""
_AMQP = """\
      <transportConnector name="amqp"
        uri="{scheme}://127.0.0.1:{port}?maximumConnections=1000&amp;wireFormat.maxFrameSize=104857600"/>
"""
_TLS = """
    <sslContext>
      <sslContext keyStore="file:{store}" keyStoreType="PKCS12" keyStorePassword="{password}"/>
    </sslContext>"""
_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
"""


def start(
    host: ServerHost, settings: Settings, classpath: str, agent: Path, *, amqp: bool, home: Path | None = None
) -> Server:
    """`home`: an unpacked distribution, whose jars its main class finds; `amqp`: whether AMQP's jar is among them.

    Raises NotAvailable."""
    java = java_for("ActiveMQ Classic")
    address = place(host, settings, _JOLOKIA, amqp="port" if amqp else "none")
    config, logging = host.folder / "activemq.xml", host.folder / "log4j2.properties"
    config.touch(mode=0o600)
    config.write_text(_broker_xml(host, settings, address))
    logging.write_text(_LOGGING)
    about_agent = f"host=127.0.0.1,port={address['jolokia_port']},user={address['user']},password={address['password']}"
    heap = heap_flags(settings)
    folders = {"home": home or host.folder, "base": host.folder, "conf": host.folder, "data": host.folder / "data"}
    argv = [str(java.executable), *heap, f"-javaagent:{agent}={about_agent}"]
    argv += [f"-Dactivemq.{name}={folder}" for name, folder in folders.items()]
    argv += [f"-Dlog4j2.configurationFile={logging}", "-Djava.awt.headless=true", "-cp", classpath]
    host.say(f"ActiveMQ Classic on Java {java.version}: starting")
    process = host.spawn(
        [*argv, "org.apache.activemq.console.Main", "start", f"xbean:file:{config}"], log="activemq.log"
    )
    ready = Ready(address)
    host.wait_until(ready, process, START_S, f"ActiveMQ Classic on 127.0.0.1:{address['port']}")
    about = {**dated(ready.version, RELEASED), **java.facts, "heap": f"{settings.heap_mib} MiB"}
    return Server(address, process, about)


def _broker_xml(host: ServerHost, settings: Settings, address: Mapping[str, Any]) -> str:
    password, tls = address["password"], ""
    if settings.tls:
        tls = _TLS.format(store=key_store(host, password), password=password)
    amqp = ""
    if port := address.get("amqp_port"):
        amqp = _AMQP.format(scheme="amqp+ssl" if settings.tls else "amqp", port=port)
    return _BROKER.format(
        data=host.folder / "data",
        sync="false" if settings.journal_sync == "never" else "true",
        user=address["user"],
        password=password,
        tls=tls,
        scheme="stomp+ssl" if settings.tls else "stomp",
        port=address["port"],
        amqp=amqp,
    )
