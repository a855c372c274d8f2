"""A process in Kafka's place, for both clients: confirms at once what producers send, and serves canned messages.

Where this was developed, librdkafka sent it 321 thousand messages of 100 B a second and took 893 thousand, for which
the stand-in needed 0.32 and 0.09 of a core, and the client 1.16; at 1 KiB it was 101 and 591 thousand, for 0.50 and
0.43 of a core. kafka-python sent 19 thousand of 100 B and took 46 thousand, for a fiftieth of a core.
"""

import importlib.util
from pathlib import Path

from brokerbench.contract import Destination, Endpoints
from brokerbench.servers import NotAvailable, ServerHost
from brokerbench_drivers._dialogue import listens, serve
from brokerbench_drivers._forking import launch, told

from .settings import Settings

__all__ = ["KafkaStandIn"]


class KafkaStandIn:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        if importlib.util.find_spec("kafka") is None:
            raise NotAvailable("the stand-in for Kafka needs kafka-python: pip install 'brokerbench[kafka]'")
        port = host.free_port()
        groups = {group: f"{destination.name}.{group}" for group in destination.groups}
        about = {
            "port": port,
            "canned": str(canned.resolve()),
            "size_bytes": size_bytes,
            "batch_bytes": self._settings.batch_bytes,
            "topic": destination.name,
            "partitions": destination.partitions,
            "members": {groups[group]: count for group, count in destination.groups.items()},
        }
        launch(host, __name__, about, lambda: listens(port))
        address = {"host": "127.0.0.1", "port": port, "bootstrap": f"127.0.0.1:{port}"}
        return Endpoints(address, destination.name, groups, destination.partitions)


def main() -> None:
    from .stand_in_dialogue import KafkaDialogue
    from .stand_in_log import EndlessLog
    from .stand_in_topic import Topic

    about = told()
    log = EndlessLog(Path(about["canned"]).read_bytes(), about["size_bytes"], about["batch_bytes"])
    topic = Topic(about["topic"], about["partitions"], about["members"], about["port"])
    serve(about["port"], lambda: KafkaDialogue(topic, log))


if __name__ == "__main__":
    main()
