"""Odd texts, values and headers, for places that expect ordinary ones."""

from typing import Any

MARK = "zqmarkzq"
"""Stands in texts of every kind; no error and no log may hold it."""
ODD_TEXTS = (
    *(
        "",
        " ",
        MARK,
        f"{MARK}'; DROP TABLE profiles;--",
        "\0",
        "\x1b[31m",
        "\u202e" + MARK,
        "\U0001f600",
        "\ud800",
        "a" * 129,
    ),
    *(
        "é" * 300,
        "../../etc/passwd",
        "%s%n%x",
        "null",
        "true",
        "{}",
        "١٢٣",
        "\ufeff",
        "x" * 5000,
        "0" * 64,
        "\u0000\u0001",
    ),
)
"""Texts that are rarely meant."""
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**70, -(2**63), 1e308, 1e-320, 0.1, [], {}, [[]], "1", "NaN", [None]),
    *([{}] * 3, {"a": {"b": {"c": []}}}, ["x"] * 300, {MARK: MARK}),
)
"""Values of JSON in places where others are wanted."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY", "X")
"""Methods of HTTP, and what is none."""
KINDS = (
    *("application/json", "application/octet-stream", "audio/wav", "multipart/form-data", "text/plain", "", "*/*", "a"),
    *(
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=",
        "application/json; charset=utf-7",
        "audio/wav;;=",
    ),
    *(
        "multipart/mixed; boundary=x",
        'multipart/form-data; boundary="' + "y" * 80,
        "audio/wav; samplerate=16000",
        "\xff\xfe",
    ),
)
"""Content types."""
HEADERS = (
    *(
        "accept",
        "accept-encoding",
        "accept-language",
        "cookie",
        "range",
        "if-match",
        "x-forwarded-for",
        "forwarded",
        "via",
    ),
    *(
        "origin",
        "host",
        "referer",
        "x-forwarded-host",
        "x-real-ip",
        "expect",
        "upgrade",
        "connection",
        "content-encoding",
    ),
    *("x-http-method-override", "access-control-request-method", "access-control-request-headers", "te", "trailer"),
    *("sec-fetch-site", "sec-websocket-protocol", "authorization", "ocp-apim-subscription-key", "date", "traceparent"),
)
"""Names of headers that change how a request is taken."""
HEADER_VALUES = (
    *("", "*", "127.0.0.1", "https://evil.example", "null", "1" * 4000, "gzip", "bytes=0-1", "localhost", "\xff", MARK),
    *(
        "Bearer",
        "Bearer ",
        "Basic " + MARK,
        "Bearer " + "A" * 50,
        "cross-site",
        "::1",
        "evil.example:99999",
        "[",
        "a\tb",
    ),
)
"""What such headers say."""
AZURE = (
    *(
        "/spid/v1.0/verificationProfiles",
        "/spid/v1.0/identificationProfiles",
        "/spid/v1.0/verify",
        "/spid/v1.0/identify",
    ),
    *("/spid/v1.0/operations", "/spid/v1.0/verificationPhrases", "/speaker/verification/v2.0/text-dependent/profiles"),
    "/speaker/verification/v2.0/text-independent/profiles",
    "/speaker/identification/v2.0/text-independent/profiles",
    "/speaker-recognition/verification/text-dependent/profiles",
    "/speaker-recognition/verification/text-independent/profiles",
    "/speaker-recognition/identification/text-independent/profiles",
    "/speaker-recognition/verification/text-dependent/phrases/en-us",
)
"""Paths of the interface that is compatible with Azure."""
AZURE_VERBS = ("", "/enroll", "/reset", "/verify", ":verify", ":reset", "/enrollments", ":identifySingleSpeaker", "/")
"""What follows them."""
AZURE_QUERIES = (
    *(
        "api-version",
        "profileIds",
        "identificationProfileIds",
        "verificationProfileId",
        "ignoreMinLength",
        "shortAudio",
    ),
    *("$top", "maxpagesize", "$continuationToken", "locale", "$filter"),
)
"""Their queries."""
