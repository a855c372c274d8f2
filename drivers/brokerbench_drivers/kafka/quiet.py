"""Both libraries log to the terminal unless told where to: here to Python's logging, silent if nobody asks."""

import logging

__all__ = ["LIBRDKAFKA", "logger", "quiet_kafka_python"]

LIBRDKAFKA = {"log.connection.close": False}  # an idle connection's end is no news


def logger() -> logging.Logger:
    log = logging.getLogger("brokerbench.kafka.librdkafka")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log


def quiet_kafka_python() -> None:
    log = logging.getLogger("kafka")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
