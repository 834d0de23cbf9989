"""The certificate a node makes for itself, and how both sides of a link speak TLS.

Nobody trusts it and nobody has to: who is at the other end is proved by AUTH, which signs the certificate's
hash as the channel (PROTOCOL §4). It says nothing of the organisation, and its dates are read by no peer;
it is made anew well before they end all the same, at a start of the node.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mutunode.protocol.channel import certificate_channel

FILE_NAME = "peer-tls.pem"
VALID_DAYS, RENEW_DAYS = 730, 365  # a node that restarts once a year never shows an old one
_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mutunode")])

log = structlog.get_logger("tls")


class ServerTls(msgspec.Struct, frozen=True):
    """What a listener needs."""

    context: ssl.SSLContext
    channel: bytes


def server_tls(folder: Path) -> ServerTls:
    """The listener's side, with the certificate kept in the node's folder; made when missing or old."""
    path = folder / FILE_NAME
    der = _der_if_fresh(path) or _make(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would show no certificate to bind the channel to
    context.load_cert_chain(path)
    return ServerTls(context, certificate_channel(der))


def client_tls() -> ssl.SSLContext:
    """For ``host:port``: TLS 1.3 with whatever certificate; AUTH proves who holds it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def validated_client_tls() -> ssl.SSLContext:
    """For ``wss://name``: TLS 1.3 with a certificate that the system's trust store vouches for."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _der_if_fresh(path: Path) -> bytes | None:
    try:
        pem = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        # Worth nothing, and replaced: no peer remembers a certificate.
        log.warning("certificate unreadable, a new one is made", path=str(path), error=str(error))
        return None
    matches = key.public_key() == certificate.public_key()
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if not matches or left < timedelta(days=RENEW_DAYS):
        return None
    return certificate.public_bytes(serialization.Encoding.DER)


def _make(path: Path) -> bytes:
    """A new key and its certificate, on disk as one file that only its owner reads."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(path, pem + certificate.public_bytes(serialization.Encoding.PEM))
    return certificate.public_bytes(serialization.Encoding.DER)


def _write(path: Path, pem: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)  # a crash before leaves the old one, after it the new one
