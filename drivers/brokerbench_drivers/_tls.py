"""TLS as an address has it: `?ca=FILE&cert=FILE&key=FILE` in a url, {"ca", "cert", "key"} in the address.

The host name is always verified: a benchmark over a connection that anyone could have answered measures nobody knows
what.
"""

import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from brokerbench.contract import BadTarget

__all__ = ["context", "refused", "tls_of"]

_WORDS = ("ca", "cert", "key")
# What a server says of a certificate, RFC 8446 section 6.2, as OpenSSL writes it. Since TLS 1.3 it says so only after
# the handshake, and whoever writes first may hear no more than that the connection is gone.
_ALERT = re.compile(r"alert.*certificate|alert[ _]unknown[ _]ca", re.IGNORECASE)
_GONE = re.compile(r"EOF occurred|reset by peer|broken pipe|closed by", re.IGNORECASE)


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


def refused(why: str, tls: Mapping[str, str | None] | None, *, silent: bool = False) -> str:
    """`why` a connection could not be opened, with what to do where the server wanted another certificate of ours.

    `silent`: the library does not tell what the server said."""
    if tls is None:
        return why
    told = _ALERT.search(why) is not None
    if not told and not silent and not _GONE.search(why):
        return why
    server = "the server" if told else "it may be that the server"
    if cert := tls.get("cert"):
        return f"{why}; {server} does not accept the client certificate {cert}"
    return f"{why}; {server} asks for a client certificate: give cert= and key= in the url"
