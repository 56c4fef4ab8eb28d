"""Whether the server of this container is ready, or the kiosk's screen is there: exit code 0 if one of them is."""

import os
import ssl
import sys
import urllib.error
import urllib.request

_TIMEOUT_S = 4.0


def main() -> int:
    """Ask both; who answers is well."""
    server = os.environ.get("STREAMAUTH_SERVER_PORT", "8765")
    kiosk = os.environ.get("STREAMAUTH_KIOSK_PORT", "8770")
    scheme = "https" if os.environ.get("STREAMAUTH_SERVER_TLS_CERTIFICATE") else "http"
    # it asks itself, by a name that stands in no certificate
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for address in (f"{scheme}://127.0.0.1:{server}/readyz", f"http://127.0.0.1:{kiosk}/"):
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return 0
        except urllib.error.HTTPError:
            return 1  # it is there, and says that it is not ready
        except OSError:
            continue
    return 1


if __name__ == "__main__":
    sys.exit(main())
