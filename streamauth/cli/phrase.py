"""``streamauth phrase``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_OK, EXIT_REJECT, Output, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamauth.core.phrase.strength import Strength
    from streamauth.service.authenticator import Authenticator


def check(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The phrase.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Audio files.", show_default=False)] = None,
    json: options.Json = False,
) -> int:
    """Tell of each file whether the phrase was said in it; without files, what the phrase is worth."""
    output = Output(json)
    with opened(None) as authenticator:
        with output.busy("Loading the models"):
            words, worth = authenticator.phrases.words(text)
        proposed = authenticator.phrases.proposed_sounds(words)
        if not files:
            weakness = worth.weakness(authenticator.settings.phrase) if worth is not None else None
            phrase = " ".join(words)
            data = {"phrase": phrase, "words": list(words), "strength": _strength(worth), "proposed": proposed}
            lines = (_worth(phrase, worth, weakness), *proposals(proposed))
            output.result({**data, "usable": not weakness, "reason": weakness}, "\n".join(lines))
            return EXIT_OK
        for line in proposals(proposed):
            output.messages.print(line, markup=False)
        results = [_heard(authenticator, words, file, output) for file in files]
    output.result({"phrase": " ".join(words), "results": results}, "\n".join(map(_told, results)))
    return EXIT_OK if all(each["matched"] for each in results) else EXIT_REJECT


def proposals(proposed: "Mapping[str, Sequence[str]]") -> list[str]:
    """What a person must know of words that are not in the dictionary: a sentence for each."""
    return [
        f"“{word}” is not in the dictionary. It is expected to be said {' or '.join(sounds)}."
        for word, sounds in proposed.items()
    ]


def _heard(authenticator: "Authenticator", words: tuple[str, ...], file: Path, output: Output) -> dict[str, Any]:
    from streamauth.cli.attempt import feed, recording

    limits = authenticator.settings.audio
    with (
        recording(file, False, None, authenticator.settings, limits.max_attempt_s, output) as audio,
        authenticator.hear(words, audio.format) as attempt,
    ):
        for _ in feed(attempt, audio):
            pass
        session = attempt.session
        llr = None if session.llr is None else round(session.llr, 3)
        evidence = {name: round(value, 2) for name, value in session.evidence.items()}
        told = {"file": str(file), "heard": session.heard, "llr": llr, "matched": session.matched}
        return {**told, "evidence": evidence}


def _strength(worth: "Strength | None") -> dict[str, Any] | None:
    if worth is None:
        return None
    return {"bits": round(worth.bits, 1), "phones": worth.phones, "level": str(worth.level)}


def _worth(text: str, worth: "Strength | None", weakness: str | None) -> str:
    if worth is None:
        return f"“{text}”: the recognizer knows all its words, but not how common they are."
    told = f"“{text}” is {worth.level}: {worth.bits:.0f} bits at most, {worth.phones} speech sounds."
    return f"{told} It cannot be a pass phrase. {weakness}" if weakness else told


def _told(result: dict[str, Any]) -> str:
    llr = "" if result["llr"] is None else f" (LLR {result['llr']:+.1f})"
    told = "said" if result["matched"] else f"not said; heard “{result['heard']}”"
    evidence = ", ".join(f"{name} {value:+.1f}" for name, value in result["evidence"].items())
    return f"{result['file']}: {told}{llr}" + (f"\n    evidence, in nats: {evidence}" if evidence else "")
