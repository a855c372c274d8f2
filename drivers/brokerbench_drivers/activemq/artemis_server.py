"""An Artemis server of our own, from its distribution: `artemis create` makes an instance, whose broker.xml is ours."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.servers import Server, ServerHost
from brokerbench_drivers._dated import dated

from .home import START_S, Ready, heap_flags, java_for, key_store, place
from .releases import RELEASED
from .settings import Settings

__all__ = ["start"]

_JOLOKIA = "http://127.0.0.1:{port}/console/jolokia"
_CREATE_FLAGS = "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"  # it measures nothing and only has to be quick
_SWITCHED_OFF = ("amqp", "hornetq", "mqtt", "stomp")  # acceptors that `create` would add
# As `artemis create` writes it, with one acceptor and no journal timeout measured by itself, which would differ from
# one trial to the next. Without libaio the broker takes NIO for ASYNCIO and says so.
_BROKER = """\
<?xml version="1.0"?>
<configuration xmlns="urn:activemq">
  <core xmlns="urn:activemq:core">
    <name>brokerbench</name>
    <persistence-enabled>true</persistence-enabled>
    <max-redelivery-records>1</max-redelivery-records>
    <journal-type>ASYNCIO</journal-type>
    <paging-directory>data/paging</paging-directory>
    <bindings-directory>data/bindings</bindings-directory>
    <journal-directory>data/journal</journal-directory>
    <large-messages-directory>data/large-messages</large-messages-directory>
    <journal-sync-transactional>true</journal-sync-transactional>
    <journal-sync-non-transactional>true</journal-sync-non-transactional>
    <journal-datasync>{datasync}</journal-datasync>
    <journal-min-files>2</journal-min-files>
    <journal-pool-files>10</journal-pool-files>
    <journal-file-size>10M</journal-file-size>
    <max-disk-usage>98</max-disk-usage>
    <acceptors>
      <acceptor name="clients">tcp://127.0.0.1:{port}?protocols=STOMP,AMQP;useEpoll=true;tcpSendBufferSize=1048576;tcpReceiveBufferSize=1048576{tls}</acceptor>
    </acceptors>
    <security-settings>
      <security-setting match="#">
        <permission type="createDurableQueue" roles="amq"/>
        <permission type="deleteDurableQueue" roles="amq"/>
        <permission type="createAddress" roles="amq"/>
        <permission type="deleteAddress" roles="amq"/>
        <permission type="consume" roles="amq"/>
        <permission type="browse" roles="amq"/>
        <permission type="send" roles="amq"/>
        <permission type="manage" roles="amq"/>
      </security-setting>
    </security-settings>
    <address-settings>
      <address-setting match="#">
        <dead-letter-address>DLQ</dead-letter-address>
        <expiry-address>ExpiryQueue</expiry-address>
        <redelivery-delay>0</redelivery-delay>
        <address-full-policy>PAGE</address-full-policy>
        <auto-create-queues>false</auto-create-queues>
        <auto-create-addresses>false</auto-create-addresses>
        <page-size-bytes>10M</page-size-bytes>
        <max-size-bytes>-1</max-size-bytes>
        <max-read-page-messages>-1</max-read-page-messages>
        <max-read-page-bytes>20M</max-read-page-bytes>
      </address-setting>
    </address-settings>
    <addresses>
      <address name="DLQ"><anycast><queue name="DLQ"/></anycast></address>
      <address name="ExpiryQueue"><anycast><queue name="ExpiryQueue"/></anycast></address>
    </addresses>
  </core>
</configuration>
"""


def start(host: ServerHost, settings: Settings, home: Path) -> Server:
    """`home`: an unpacked distribution. Raises NotAvailable."""
    java = java_for("Artemis")
    address = place(host, settings, _JOLOKIA, amqp="same")
    instance, heap = host.folder / "instance", heap_flags(settings)
    run = f"exec {shlex.join([str(instance / 'bin' / 'artemis'), 'run'])}"
    if not instance.exists():
        ours = host.folder / "broker.xml"
        ours.write_text(_broker_xml(host, settings, address))
        made = instance / "etc" / "broker.xml"
        create = shlex.join(_create(home, instance, address, heap))
        run = f"JAVA_ARGS={shlex.quote(_CREATE_FLAGS)} {create} && cp {shlex.quote(str(ours))} {made} && {run}"
    host.say(f"Artemis on Java {java.version}: making an instance and starting it")
    env = {"JAVA_HOME": str(java.executable.parent.parent), "JAVACMD": str(java.executable)}
    process = host.spawn(["/bin/sh", "-c", run], env=env, log="artemis.log")
    ready = Ready(address)
    host.wait_until(ready, process, START_S, f"Artemis on 127.0.0.1:{address['port']}")
    about = {**dated(ready.version, RELEASED), **java.facts, "heap": f"{settings.heap_mib} MiB"}
    return Server(address, process, about)


def _create(home: Path, instance: Path, address: Mapping[str, Any], heap: tuple[str, str]) -> list[str]:
    words = [str(home / "bin" / "artemis"), "create", str(instance), "--silent", "--no-autotune", "--require-login"]
    words += ["--name", "brokerbench", "--user", address["user"], "--password", address["password"]]
    words += ["--host", "127.0.0.1", "--http-host", "127.0.0.1", "--http-port", str(address["jolokia_port"])]
    words += [f"--no-{protocol}-acceptor" for protocol in _SWITCHED_OFF]
    return [*words, "--java-options", " ".join(heap)]


def _broker_xml(host: ServerHost, settings: Settings, address: Mapping[str, Any]) -> str:
    tls = ""
    if settings.tls:
        store = key_store(host, address["password"])
        tls = f";sslEnabled=true;keyStoreType=PKCS12;keyStorePath={store};keyStorePassword={address['password']}"
    datasync = "false" if settings.journal_sync == "never" else "true"
    return _BROKER.format(port=address["port"], tls=tls, datasync=datasync)
