"""TLS by certificate files, and the client on it."""

import asyncio
import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from streamauth import Decided, Mode, Start, stream, stream_sync
from streamauth.client import SignedVerdict, pcm_chunks
from streamauth.errors import Forbidden, InputError, ServerUnreachable, Unauthorized
from streamauth.store.api_keys import Scope
from tests.server.rig import ADA, FORMAT, PHRASE, server, spoken
from tests.server.web import key_of

VERIFY_ADA = Start(Mode.VERIFY, FORMAT, name="ada")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    make_certificate(path)
    return path


def make_certificate(path: Path) -> None:
    """Make a certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))


def chunks() -> list[bytes]:
    return list(pcm_chunks(spoken(PHRASE, ADA), FORMAT))


def test_a_key_and_a_trusted_certificate(tmp_path: Path, certificate: Path) -> None:
    start = Start(Mode.VERIFY, FORMAT, name="ada", audience="a", nonce="n")
    with server(tmp_path, tls_certificate=str(certificate)) as (url, watched):
        assert url.startswith("wss://127.0.0.1:")
        key = key_of(watched, Scope.VERIFY)
        heard = list(stream_sync(url, start, chunks(), pace=None, api_key=key, authorities=certificate))
        assert isinstance(heard[-2], SignedVerdict)
        assert isinstance(heard[-1], Decided)

        async def check() -> list[object]:
            session = stream(url, start, chunks(), pace=None, api_key=key, authorities=certificate)
            return [message async for message in session]

        assert isinstance(asyncio.run(check())[-1], Decided)
        with pytest.raises(ServerUnreachable, match="not trusted"):
            list(stream_sync(url, start, chunks(), api_key=key))


def test_what_a_key_does_not_allow(tmp_path: Path, certificate: Path) -> None:
    with server(tmp_path, tls_certificate=str(certificate)) as (url, watched):
        with pytest.raises(Unauthorized):
            list(stream_sync(url, VERIFY_ADA, chunks(), api_key="sa_0_0", authorities=certificate))
        key = key_of(watched, Scope.ENROLL)
        with pytest.raises(Forbidden):
            list(stream_sync(url, VERIFY_ADA, chunks(), api_key=key, authorities=certificate))
        with pytest.raises(Unauthorized):
            list(stream_sync(url, VERIFY_ADA, chunks(), authorities=certificate))


@pytest.mark.parametrize("url", ["ws://example.org/v1/stream", "ws://10.0.0.1:8765/v1/stream"])
def test_a_key_is_not_shown_to_the_network(url: str) -> None:
    with pytest.raises(InputError, match="TLS only"):
        list(stream_sync(url, VERIFY_ADA, chunks(), api_key="sa_0_0"))


def test_without_tls_where_tls_is_expected(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _), pytest.raises(ServerUnreachable):
        list(stream_sync(url.replace("ws:", "wss:"), VERIFY_ADA, chunks()))
