"""``streamauth prompt``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_OK, EXIT_REJECT, Output, opened

app = typer.Typer(help="Draw random prompts, and check whether they were said.")


@app.command()
def new(
    name: Annotated[
        str | None, typer.Argument(help="Who must say it; anybody, if not given.", show_default=False)
    ] = None,
    digits: Annotated[
        int | None, typer.Option("--digits", metavar="N", help="So many digits.", show_default=False)
    ] = None,
    words: Annotated[
        int | None, typer.Option("--words", metavar="N", help="So many words.", show_default=False)
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Draw a prompt for one attempt."""
    from streamauth.core.phrase.prompt import PromptKind, PromptPlan
    from streamauth.errors import InputError

    if digits is not None and words is not None:
        raise InputError("Give either --digits or --words.")
    with opened(store) as authenticator:
        settings = authenticator.settings.prompt
        kind = PromptKind.DIGITS if digits is not None else PromptKind.WORDS if words is not None else None
        plan = PromptPlan.of(settings, kind, words if digits is None else digits)
        drawn = authenticator.prompts.draw(name, plan=plan)
    data = {
        "prompt": drawn.id,
        "text": drawn.prompt.text,
        "words": list(drawn.prompt.words),
        "expires_s": settings.lifetime_s,
        "bits": round(plan.bits, 1),
    }
    text = f"{drawn.prompt.text}\n  Say it within {settings.lifetime_s:g} s. Its id is {drawn.id}."
    Output(json).result(data, text)


@app.command()
def check(
    prompt: Annotated[str, typer.Argument(metavar="ID", help="The id of the prompt, which is used up.")],
    files: Annotated[list[Path], typer.Argument(help="Audio files.", show_default=False)],
    store: options.Store = None,
    json: options.Json = False,
) -> int:
    """Tell of each file whether the prompt was said in it, and in the right voice where it is somebody's."""
    from streamauth.cli.attempt import feed, recording
    from streamauth.core.events import Decided, Verdict
    from streamauth.service.authenticator import HearingAttempt

    output = Output(json)
    results: list[dict[str, Any]] = []
    with opened(store) as authenticator:
        limits = authenticator.settings.audio
        taken = authenticator.prompts.take(prompt)
        for file in files:
            with (
                recording(file, False, None, authenticator.settings, limits.max_attempt_s, output) as audio,
                authenticator.check_prompt(taken, audio.format) as attempt,
            ):
                decided = [event for event in feed(attempt, audio) if isinstance(event, Decided)]
                heard: str | None
                if isinstance(attempt, HearingAttempt):
                    heard, matched, voice = attempt.session.heard, attempt.session.matched, None
                else:
                    heard, matched = decided[0].phrase_heard, decided[0].phrase_matched is True
                    voice = decided[0].verdict is Verdict.ACCEPT if matched else None
            results.append({"file": str(file), "heard": heard, "matched": matched, "voice": voice})
    output.result({"prompt": prompt, "results": results}, "\n".join(map(_told, results)))
    return EXIT_OK if all(each["matched"] and each["voice"] is not False for each in results) else EXIT_REJECT


def _told(result: dict[str, Any]) -> str:
    voices = {None: "", True: " in the right voice", False: ", but not in the right voice all along"}
    told = f"said{voices[result['voice']]}" if result["matched"] else f"not said; heard “{result['heard']}”"
    return f"{result['file']}: {told}"
