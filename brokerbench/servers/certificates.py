"""Certificates for a server of our own: a CA made for the run, which nobody else trusts."""

from dataclasses import dataclass
from pathlib import Path

from .recipe import NotAvailable

__all__ = ["Certificates"]


@dataclass(frozen=True)
class Certificates:
    """PEM files. The server's are for 127.0.0.1 and localhost, or for the names they were made for."""

    ca: Path
    cert: Path  # with its chain
    key: Path
    client_cert: Path
    client_key: Path

    @staticmethod
    def make(folder: Path, names: tuple[str, ...] = ("127.0.0.1", "localhost")) -> "Certificates":
        """In `folder/tls`; what is there already is used again. Raises NotAvailable where `trustme` is missing."""
        try:
            import trustme
        except ImportError as error:
            todo = "pip install 'brokerbench[tls]'"
            raise NotAvailable(f"tls: true needs certificates, and trustme is not installed: {todo}") from error
        home = folder / "tls"
        made = Certificates(*(home / f"{name}.pem" for name in ("ca", "cert", "key", "client-cert", "client-key")))
        if made.ca.exists():
            return made
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="brokerbench")
        for of, cert, key in (
            (authority.issue_cert(*names), made.cert, made.key),
            (authority.issue_cert("client@brokerbench.invalid"), made.client_cert, made.client_key),
        ):
            cert.write_bytes(b"".join(pem.bytes() for pem in of.cert_chain_pems))
            key.touch(mode=0o600)
            key.write_bytes(of.private_key_pem.bytes())
        authority.cert_pem.write_to_path(str(made.ca))
        return made
