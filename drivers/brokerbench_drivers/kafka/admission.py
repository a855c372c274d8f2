"""Whether the servers let us in, in their own words. kafka-python drops an answer that comes together with the end of
its connection, as the refusal of a password does, and goes on trying: so its protocol is spoken on a socket of ours."""

import socket
from collections.abc import Mapping
from typing import Any

from kafka.errors import KafkaError, for_code
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from .access import for_kafka_python
from .cluster import ClusterError
from .reach import meet

__all__ = ["let_in"]

_CHUNK = 4096


def let_in(address: Mapping[str, Any]) -> None:
    """Raises ClusterError unless a server takes our user and password, BadTarget where none can be met."""
    if not address.get("sasl"):
        return
    with meet(address) as wire:
        try:
            _authenticate(_Line(wire), for_kafka_python(address))
        except (OSError, KafkaError) as error:
            raise ClusterError(str(error) or type(error).__name__) from error
        except (ValueError, KeyError) as error:  # a mechanism's
            raise ClusterError(f"its answer in {address['sasl']} was not understood: {error}") from error


class _Line:
    def __init__(self, wire: socket.socket) -> None:
        self._wire, self._protocol = wire, KafkaProtocol(client_id="brokerbench")

    def ask(self, request: Any) -> Any:
        self._protocol.send_request(request)
        self._wire.sendall(self._protocol.send_bytes())
        while True:
            data = self._wire.recv(_CHUNK)
            if not data:
                raise ClusterError("it hung up while it was told who we are")
            for _, answer in self._protocol.receive_bytes(data):
                return answer


def _authenticate(line: _Line, words: Mapping[str, Any]) -> None:
    """As Kafka's protocol has it: a handshake that names the mechanism, then its messages."""
    name = words["sasl_mechanism"]
    answer = line.ask(SaslHandshakeRequest(mechanism=name, version=1))
    if answer.error_code:
        taken = ", ".join(answer.mechanisms) or "no user and password"
        raise ClusterError(f"SASL {name} is not taken at that address, which takes {taken}")
    mechanism = get_sasl_mechanism(name)(**words)
    while not mechanism.is_done():
        answer = line.ask(SaslAuthenticateRequest(auth_bytes=mechanism.auth_bytes(), version=0))
        if answer.error_code:
            raise ClusterError(answer.error_message or for_code(answer.error_code).__name__)
        mechanism.receive(answer.auth_bytes)
    if not mechanism.is_authenticated():
        raise ClusterError(f"its last answer in {name} was not understood")
