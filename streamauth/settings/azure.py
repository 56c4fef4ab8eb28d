"""Settings of the HTTP API that is compatible with Microsoft's Speaker Recognition."""

from dataclasses import dataclass

from streamauth.core.settings import Section, setting


@dataclass(frozen=True)
class AzureSettings(Section):
    """The API of Microsoft's Speaker Recognition (docs/azure.md)."""

    enabled: bool = setting(True, "Answer on the paths of Microsoft's Speaker Recognition")
    public_url: str = setting("", "Address that clients see, as https://voice.example.org; empty means as they ask")
    free_failures: int = setting(
        0,
        "WEAKER than the rule of all other entrances: failed verifications in a row before a delay, in place of "
        "attempts.free_failures, and the lock as many failures later; 0 keeps the common rule",
        low=0,
        high=1000,
    )
    consent: str = setting(
        "",
        "Version of the text to which, by your word, all have agreed whom programs enroll that cannot send the header "
        "Streamauth-Consent; recorded with each enrollment",
    )
    max_profiles: int = setting(10_000, "Most profiles of one tenant", low=1, high=1_000_000)
    operation_hours: float = setting(24.0, "Time that the result of an operation is kept", unit="h", low=0.0, high=720)
    max_operations: int = setting(
        1000, "Operations of one tenant that are kept; beyond it the oldest is deleted", low=1, high=100_000
    )
    phrases: str = setting(
        "",
        "Further pass phrases, separated by semicolons, each with its language before it where that is not en-US, "
        "as in `de-DE: meine stimme ist mein ausweis`",
    )
    any_phrase: bool = setting(False, "Let the first enrollment of a profile set any pass phrase that is strong enough")
    locales: str = setting("", "Further languages, separated by commas; pass phrases in them need a recognizer")
