"""Settings of access to the server."""

from dataclasses import dataclass

from streamauth.core.settings import Section, setting

DISCLOSURES = ("least", "band", "number")


@dataclass(frozen=True)
class AccessSettings(Section):
    """Who may use the server, how often, and what they learn."""

    mode: str = setting(
        "auto",
        "Whether an API key or session token is always needed, or only once there is an API key",
        choices=("auto", "required"),
    )
    origins: str = setting("", "Origins of web pages that may connect, as https://example.org, separated by commas")
    disclosure: str = setting(
        "least",
        "What whoever shows an API key or session token learns beside the outcome: what is wrong with the audio; also "
        "reasons, words and how near it was in steps; also scores",
        choices=DISCLOSURES,
    )
    second_factor: bool = setting(
        False,
        "Say in the answer to who makes a session token, and in each signed verdict, that a second factor must follow, "
        "as NIST SP 800-63B-4 asks of biometrics",
    )
    token_lifetime_s: float = setting(120.0, "Time to use a session token", unit="s", low=1, high=3600)
    max_open_tokens: int = setting(1000, "Session tokens of one API key that wait to be used", low=1, high=1_000_000)
    sign_in_idle_min: float = setting(
        30.0,
        "Time without a request after which a person is signed out of the web pages",
        unit="min",
        low=1,
        high=1440,
    )
    sign_in_most_h: float = setting(
        12.0, "Time after which a person is signed out in any case", unit="h", low=0.1, high=168
    )
    key_lifetime_days: float = setting(
        0.0,
        "Age at which a new API key expires, unless another one is given; 0 means never",
        unit="days",
        low=0,
        high=36_500,
    )
    issuer: str = setting("streamauth", "Issuer named in signed verdicts")
    verdict_lifetime_s: float = setting(60.0, "Time until a signed verdict expires", unit="s", low=1, high=3600)
    signing_key_days: float = setting(
        30.0, "Age at which the key that signs verdicts is replaced", unit="days", low=0.01, high=3650
    )
    key_rate_per_min: int = setting(1200, "Requests of one API key", unit="1/min", low=1, high=10_000_000)
    key_burst: int = setting(200, "Requests of one API key at once", low=1, high=1_000_000)
    address_rate_per_min: int = setting(600, "Requests of one address", unit="1/min", low=1, high=10_000_000)
    address_burst: int = setting(200, "Requests of one address at once", low=1, high=1_000_000)
    requests_per_address: int = setting(32, "Requests of one address at the same time", low=1, high=10_000)
    requests_per_tenant: int = setting(64, "Requests of one tenant at the same time", low=1, high=10_000)
    sessions_per_tenant: int = setting(48, "Sessions of one tenant at the same time", low=1, high=10_000)
    failed_identifications_per_h: int = setting(
        60,
        "Identifications among many that name nobody, of one API key or address; each is an attempt on everybody",
        unit="1/h",
        low=1,
        high=1_000_000,
    )
    failed_identifications_burst: int = setting(20, "Such identifications at once", low=1, high=100_000)
    prompts_per_min: int = setting(
        30, "Random prompts without a profile that one API key draws", unit="1/min", low=1, high=100_000
    )
    prompt_burst: int = setting(10, "Such prompts at once", low=1, high=100_000)
    sessions_per_key: int = setting(64, "Sessions of one API key at the same time", low=1, high=10_000)
    sessions_per_address: int = setting(
        16, "Sessions of session tokens from one address at the same time", low=1, high=10_000
    )
