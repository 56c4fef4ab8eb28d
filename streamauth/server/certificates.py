"""The server's TLS certificate, read again while it runs."""

import logging
import ssl

from streamauth.errors import CannotListen
from streamauth.settings import ServerSettings

log = logging.getLogger("streamauth.server")


class Certificate:
    """The certificate and its key, from files.

    Attributes:
        context: For TLS; None where none is set.

    Raises:
        CannotListen: They cannot be read.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._files = (settings.tls_certificate, settings.tls_key or None)
        self._client_authorities = settings.tls_client_authorities
        if self._client_authorities and not settings.tls_certificate:
            raise CannotListen("Devices show certificates over TLS only. Set server.tls_certificate, too.")
        self.context: ssl.SSLContext | None = None
        if settings.tls_certificate:
            self.context = self._loaded()

    def reload(self) -> None:
        """Read the files again, for connections to come; what cannot be read changes nothing."""
        if self.context is None:
            return
        try:
            self._loaded()  # first into another context: a half-loaded pair must not serve
            self.context.load_cert_chain(*self._files)
        except (CannotListen, OSError):
            log.error("the certificate or its private key cannot be read; the former one stays in use")
        else:
            log.info("the certificate was read again")

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._files)
        except OSError:  # ssl.SSLError is one
            raise CannotListen("The certificate or its private key cannot be read.") from None
        if self._client_authorities:
            try:
                context.load_verify_locations(self._client_authorities)
            except OSError:
                raise CannotListen("The certificates of server.tls_client_authorities cannot be read.") from None
            # the handshake fails for whoever has none: nothing of a request is ever looked at
            context.verify_mode = ssl.CERT_REQUIRED
        return context
