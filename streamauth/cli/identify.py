"""``streamauth identify``."""

from pathlib import Path
from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_BY_VERDICT, Output, opened


def identify(
    file: Annotated[
        Path | None, typer.Argument(help="An audio file; - is raw audio on the standard input.", show_default=False)
    ] = None,
    among: Annotated[
        str | None, typer.Option("--among", metavar="A,B", help="Only among these names.", show_default=False)
    ] = None,
    mic: options.Mic = False,
    device: options.Device = None,
    rate: options.Rate = None,
    encoding: options.Encoding = None,
    channels: options.Channels = None,
    channel: options.Channel = None,
    prompt: options.Prompt = None,
    new_prompt: options.NewPrompt = None,
    store: options.Store = None,
    json: options.LiveJson = False,
) -> int:
    """Name the speaker among the enrolled, or nobody: exit code 0 named, 1 nobody, 3 undecided."""
    from streamauth.cli.attempt import ANYTHING, RawFormat, decide, recording, tell_what_to_say, wanted_prompt
    from streamauth.cli.live import LiveView, decision_text, follower
    from streamauth.protocol.events import event_object, identification_object

    output, raw = Output(json), RawFormat(rate, encoding, channels, channel)
    names = [name.strip() for name in among.split(",") if name.strip()] if among is not None else None
    with opened(store) as authenticator:
        limits = authenticator.settings.audio
        wanted = wanted_prompt(prompt, new_prompt, authenticator.settings.prompt)
        with recording(file, mic, device, authenticator.settings, limits.max_attempt_s, output, raw) as audio:
            with output.busy("Loading the models"):
                attempt = authenticator.identify(audio.format, among=names, prompt=wanted)
            tell_what_to_say(attempt, output, ANYTHING if mic else None)
            with attempt, LiveView(output.messages, attempt.session.threshold) as view:
                decided, threshold = decide(attempt, audio, follower(view, output, mic)), attempt.session.threshold
    told = event_object(decided) if mic else identification_object(decided)
    output.result(told, decision_text(decided))
    close = [candidate.name for candidate in decided.ranking[1:] if candidate.llr >= threshold]
    if decided.name is not None and close:
        warning = (
            f"Nearly as likely: {', '.join(close)}. If that is one person, `streamauth profiles delete` the other name."
        )
        output.messages.print(warning, style="yellow", markup=False)
    return EXIT_BY_VERDICT[decided.verdict]
