"""TLS as an address has it: `?ca=FILE&cert=FILE&key=FILE` in a url, {"ca", "cert", "key"} in the address.

The host name is always verified: a benchmark over a connection that anyone could have answered measures nobody knows
what.
"""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from brokerbench.contract import BadTarget

__all__ = ["context", "tls_of"]

_WORDS = ("ca", "cert", "key")


def tls_of(query: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """From `parse_qs` of a url. Without `ca` the machine's own authorities count. Raises ValueError."""
    found = {word: query[word][0] if query.get(word) else None for word in _WORDS}
    for word, path in found.items():
        if path is not None and not Path(path).is_file():
            raise ValueError(f"{word}={path} in the url is not a file; give the path of a PEM file")
    if (found["cert"] is None) != (found["key"] is None):
        raise ValueError("a client certificate is two files: give both cert= and key= in the url")
    return found


def context(tls: Mapping[str, str | None]) -> ssl.SSLContext:
    """For a client. Raises BadTarget where a file holds no certificate."""
    try:
        made = ssl.create_default_context(cafile=tls.get("ca"))
        if cert := tls.get("cert"):
            made.load_cert_chain(cert, tls.get("key"))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(tls[word]) for word in _WORDS if tls.get(word))
        raise BadTarget(f"TLS files cannot be used ({files}): {error}") from error
    return made
