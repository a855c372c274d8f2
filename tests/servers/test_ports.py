"""Ports: free, on loopback, never the same one twice, and none that a connection's other end may be given."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from brokerbench.servers import free_port, ports


def test_it_can_be_bound_at_once():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_no_port_is_given_twice():
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _number: free_port(), range(400)))
    assert len(set(given)) == 400


def test_no_connection_can_take_it_before_its_server_does():
    low, _high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    quiet = ports._quiet()
    assert quiet.stop == low
    assert all(free_port() in quiet for _ in range(50)) or len(quiet) < ports._ENOUGH


def test_a_port_that_is_taken_or_was_given_is_passed_over(monkeypatch):
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        other = ports._of_the_kernel()
        offered = iter([taken, free, other])
        monkeypatch.setattr(ports, "_quiet", lambda: range(10_000))
        monkeypatch.setattr(ports._chance, "choice", lambda _ports: next(offered))
        assert free_port() == other


def test_what_another_process_was_given_is_passed_over(monkeypatch):
    """Its server may bind it seconds later; when it ends, the port is free again."""
    script = "from brokerbench.servers import free_port; print(free_port(), flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], text=True, **pipes) as other:
        theirs = int(other.stdout.readline())
        ours = ports._of_the_kernel()
        offered = iter([theirs, ours])
        monkeypatch.setattr(ports, "_quiet", lambda: range(10_000))
        monkeypatch.setattr(ports._chance, "choice", lambda _ports: next(offered))
        assert free_port() == ours
        other.communicate("\n", timeout=60)
    offered = iter([theirs])
    assert free_port() == theirs


def test_where_the_kernel_keeps_all_ports_it_is_asked(monkeypatch):
    monkeypatch.setattr(ports, "_quiet", lambda: range(0))
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)
