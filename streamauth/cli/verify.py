"""``streamauth verify``."""

from pathlib import Path
from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_BY_VERDICT, Output, opened


def verify(
    name: Annotated[str, typer.Argument(help="Who the speaker claims to be.")],
    file: Annotated[
        Path | None, typer.Argument(help="An audio file; - is raw audio on the standard input.", show_default=False)
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
    """Verify a claimed identity: exit code 0 accept, 1 reject, 3 undecided."""
    from streamauth.cli.attempt import RawFormat, decide, recording, tell_what_to_say, usual_words, wanted_prompt
    from streamauth.cli.live import LiveView, decision_text, follower
    from streamauth.protocol.events import event_object, verification_object

    output, raw = Output(json), RawFormat(rate, encoding, channels, channel)
    with opened(store) as authenticator:
        limits = authenticator.settings.audio
        wanted = wanted_prompt(prompt, new_prompt, authenticator.settings.prompt)
        with recording(file, mic, device, authenticator.settings, limits.max_attempt_s, output, raw) as audio:
            with output.busy("Loading the models"):
                attempt = authenticator.verify(name, audio.format, prompt=wanted)
            tell_what_to_say(attempt, output, usual_words(authenticator, name) if mic else None)
            with attempt, LiveView(output.messages, attempt.session.threshold) as view:
                decided = decide(attempt, audio, follower(view, output, mic))
    told = event_object(decided) if mic else verification_object(decided)
    output.result(told, decision_text(decided))
    return EXIT_BY_VERDICT[decided.verdict]
