"""Ports: free, on loopback, and never the same one twice."""

import socket
from concurrent.futures import ThreadPoolExecutor

from brokerbench.servers import free_port, ports


def test_it_can_be_bound_at_once():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_no_port_is_given_twice():
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _number: free_port(), range(400)))
    assert len(set(given)) == 400


def test_a_port_the_kernel_offers_again_is_passed_over(monkeypatch):
    offered = iter([5001, 5001, 5002])

    class Kernel(socket.socket):
        def bind(self, address):
            assert address == ("127.0.0.1", 0)

        def getsockname(self):
            return "127.0.0.1", next(offered)

    monkeypatch.setattr(ports.socket, "socket", Kernel)
    monkeypatch.setattr(ports, "_given", set())
    assert [free_port(), free_port()] == [5001, 5002]
