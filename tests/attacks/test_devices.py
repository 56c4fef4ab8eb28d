"""Where the server asks devices for a certificate, nobody without one gets as far as a request."""

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from streamauth import Decided, Mode, Start, stream_sync
from streamauth.client import pcm_chunks
from streamauth.errors import CannotListen, InputError, ServerUnreachable
from streamauth.server.certificates import Certificate
from streamauth.settings import ServerSettings
from tests.attacks.rig import asked, attacked
from tests.server.rig import ADA, FORMAT, PHRASE, spoken
from tests.server.web import key_of

NOW = datetime.datetime.now(datetime.UTC)
HOUR = datetime.timedelta(hours=1)
Key = ec.EllipticCurvePrivateKey


class Authority:
    """Signs certificates; its own is in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        made = self._made(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str) -> Path:
        """A certificate for 127.0.0.1 with its key, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = self._made(subject, key, address)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{name}.pem"
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return path

    def _made(self, subject: x509.Name, key: Key, extension: x509.ExtensionType) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - HOUR)
            .not_valid_after(NOW + HOUR)
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )


def test_only_devices_with_a_certificate_of_the_authority_get_in(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    certificate, device, stranger = ours.sign("server"), ours.sign("kiosk"), other.sign("stranger")
    tls = {"tls_certificate": str(certificate), "tls_client_authorities": str(ours.file)}
    with attacked(tmp_path / "served", {"server": tls}) as (url, watched):
        key = key_of(watched)
        shown = {"Authorization": f"Bearer {key}"}

        def answer(own: Path | None) -> int:
            context = ssl.create_default_context(cafile=ours.file)
            if own is not None:
                context.load_cert_chain(own)
            return asked(url, "GET", "/v1/profiles", tls=context, headers=shown)[0]

        assert [answer(None), answer(stranger), answer(device)] == [0, 0, 200]
        start = Start(Mode.VERIFY, FORMAT, name="ada")
        chunks = list(pcm_chunks(spoken(PHRASE, ADA), FORMAT))
        let_in: dict[str, Any] = {"pace": None, "api_key": key, "authorities": ours.file}
        heard = list(stream_sync(url, start, chunks, certificate=device, **let_in))
        assert isinstance(heard[-1], Decided)
        for own in (None, stranger):
            with pytest.raises(ServerUnreachable):
                list(stream_sync(url, start, chunks, certificate=own, **let_in))
        with pytest.raises(InputError, match="device's certificate"):
            list(stream_sync(url, start, chunks, certificate=tmp_path / "none.pem", **let_in))


def test_authorities_that_cannot_be_read_or_used(tmp_path: Path) -> None:
    certificate = Authority(tmp_path, "ours").sign("server")
    with pytest.raises(CannotListen, match="over TLS only"):
        Certificate(ServerSettings(tls_client_authorities=str(certificate)))
    with pytest.raises(CannotListen, match="tls_client_authorities"):
        Certificate(ServerSettings(tls_certificate=str(certificate), tls_client_authorities=str(tmp_path / "none.pem")))
