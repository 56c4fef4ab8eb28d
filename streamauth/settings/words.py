"""Settings of pass phrases and prompts."""

from dataclasses import dataclass

from streamauth.settings.section import Section, setting


@dataclass(frozen=True)
class PhraseSettings(Section):
    """Pass-phrase recognition."""

    locale: str = setting("en-US", "Language of new pass phrases, which chooses the recognizer (BCP 47)")
    vosk_model: str = setting("", "Folder of a Vosk model to use for every language instead of the registry's")
    decoding: str = setting(
        "free",
        "How Vosk searches: freely, or limited to the expected words, which finds them in other speech too",
        choices=("free", "grammar"),
    )
    min_llr: float = setting(
        0.0,
        "Likelihood ratio from which the words count as said; models without one ignore it",
        unit="nats",
        low=-20,
        high=20,
    )
    lead_ms: int = setting(240, "Audio before speech that the recognizer also hears", unit="ms", low=0, high=2000)
    patience_ms: int = setting(
        1500, "Silence after which an unfinished pass phrase is over", unit="ms", low=0, high=10_000
    )
    propose_sounds: bool = setting(
        True, "Take words that the dictionary does not have, if they are said as their spelling proposes"
    )
    max_words: int = setting(20, "Longest pass phrase", unit="words", low=1, high=100)
    min_phones: int = setting(8, "Shortest pass phrase", unit="speech sounds", low=1, high=100)
    min_bits: float = setting(20.0, "Least estimated strength of a pass phrase", unit="bits", low=0, high=200)


@dataclass(frozen=True)
class PromptSettings(Section):
    """Random prompts."""

    kind: str = setting("digits", "What prompts are made of", choices=("digits", "words"))
    digits: int = setting(6, "Digits of a prompt", unit="digits", low=4, high=12)
    words: int = setting(4, "Words of a prompt", unit="words", low=2, high=8)
    lifetime_s: float = setting(60.0, "Time to say a prompt, from when it is drawn", unit="s", low=5, high=3600)
    max_open: int = setting(8, "Prompts of one profile that may wait to be said", low=1, high=10_000)
    patience_ms: int = setting(3000, "Silence after which an unfinished prompt is over", unit="ms", low=0, high=10_000)
    stretch_margin: float = setting(
        2.5, "LLR under the threshold at which a stretch of speech is another voice", unit="nats", low=0, high=50
    )
