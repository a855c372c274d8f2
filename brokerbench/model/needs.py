"""What `needs:` asks of a candidate beside the promise: must-haves that no measurement can make up for.

A need is a word (`replay`), or a word with a value (`protocol: amqp-1.0`). Its text is how a file, run.json and a page
have it. The words that stand for a proved feature are the contract's; those here are told by a broker's qualities.yaml.
"""

from typing import Any

from pydantic import model_serializer, model_validator

from .frozen import Frozen
from .units import size_bytes

__all__ = [
    "LANGUAGES",
    "LICENCES",
    "OPEN_SOURCE",
    "PLAIN_NEEDS",
    "PROTOCOLS",
    "SUPPORTED_VERSION",
    "VALUED_NEEDS",
    "VALUES",
    "Need",
]

OPEN_SOURCE = "open-source"
SUPPORTED_VERSION = "supported-version"
# SPDX identifiers; the second row is not approved by the Open Source Initiative.
_APPROVED = (
    *("AGPL-3.0-only", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "EPL-1.0", "EPL-2.0", "GPL-2.0-only"),
    *("GPL-3.0-only", "LGPL-3.0-only", "MIT", "MPL-2.0"),
)
_NOT_APPROVED = ("BUSL-1.1", "LicenseRef-RSALv2", "SSPL-1.0")
LICENCES = (*_APPROVED, *_NOT_APPROVED)
LANGUAGES = ("c", "cpp", "dotnet", "erlang", "go", "java", "javascript", "php", "python", "ruby", "rust")
PROTOCOLS = (
    *("amqp-0-9-1", "amqp-1.0", "kafka", "mqtt-3.1.1", "mqtt-5", "nats", "openwire", "rabbitmq-stream", "resp"),
    *("stomp", "zmtp"),
)

PLAIN_NEEDS = {
    "dead-letter": "a message that cannot be consumed is put aside by the broker, not lost or sent for ever",
    "priorities": "an urgent message overtakes those that wait",
    "ttl": "a message that is too old is no longer delivered",
    "request-reply": "a request finds its way to one answerer, and the answer back",
    "tls": "clients can speak to it encrypted",
    SUPPORTED_VERSION: "the version that was measured still gets fixes from its project",
}
VALUED_NEEDS = {
    "protocol": "it speaks this protocol",
    "language": "its project, or the library its project names, has a client in this language",
    "message-size": "a message may be at least this large",
    "licence": "open-source, or an SPDX identifier of what it may be used under",
}
VALUES = {"protocol": PROTOCOLS, "language": LANGUAGES, "licence": (OPEN_SOURCE, *LICENCES)}


class Need(Frozen):
    """One must-have. In files and in run.json it is its text."""

    word: str
    value: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        word, colon, value = given.partition(": ")
        return {"word": word, "value": value if colon else None}

    @model_validator(mode="after")
    def _value_fits(self) -> "Need":
        if (self.word in VALUED_NEEDS) is not (self.value is not None):
            raise ValueError(f"{self.word} takes {'a' if self.word in VALUED_NEEDS else 'no'} value")
        if self.word in VALUES and self.value not in VALUES[self.word]:
            raise ValueError(f"{self.word} is {self.value}, which is not one of its words")
        if self.word == "message-size":
            size_bytes(self.value)
        return self

    @model_serializer
    def _as_text(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        return self.word if self.value is None else f"{self.word}: {self.value}"

    def allowed_by(self, licence: str) -> bool:
        """Whether this need of a licence holds under `licence`."""
        return licence in _APPROVED if self.value == OPEN_SOURCE else licence == self.value
