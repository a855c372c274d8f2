"""Orders through RabbitMQ: `locust -f locustfile.py --host amqp://guest:guest@127.0.0.1:5672/ -u 20 -r 20 -t 1m`.

`brokerbench up rabbitmq` starts a server and prints its url.
"""

import json
import os
from pathlib import Path
from typing import Any

from locust import events, task
from locust.env import Environment

from brokerbench.locust import BrokerUser, ledgers, random_phase


class OrderUser(BrokerUser):
    driver = "rabbitmq"
    client = "pika"
    settings = {"queue_type": "classic"}  # noqa: RUF012 - as a locustfile has it
    wait_time = random_phase(0.2)

    @task(2)
    def order(self) -> None:
        self.publish(512)

    @task(1)
    def work(self) -> None:
        self.receive(timeout_s=0.1)


@events.quitting.add_listener
def keep_the_ledger(environment: Environment, **_: Any) -> None:
    """What Locust's own statistics do not have: the fate of every message."""
    if path := os.environ.get("LEDGER"):
        told = [ledger.as_json() for ledger in ledgers(environment)]
        Path(path).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
