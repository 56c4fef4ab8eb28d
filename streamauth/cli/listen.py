"""``streamauth listen``."""

from typing import Annotated

import typer

from streamauth.cli.output import (
    EXIT_BY_VERDICT,
    EXIT_UNDECIDED,
    DeviceOption,
    JsonOption,
    NewPromptOption,
    Output,
    StoreOption,
    opened,
)


def listen(
    name: Annotated[str, typer.Argument(help="Who the speaker claims to be.")],
    continuous: Annotated[
        bool, typer.Option("--continuous", help="Go on after an accept and tell when the voice is another one.")
    ] = False,
    device: DeviceOption = None,
    new_prompt: NewPromptOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Log in by microphone, with the score, the words heard and the decision live."""
    from streamauth.cli.attempt import feed, recording, tell_prompt, wanted_prompt
    from streamauth.cli.live import LiveView, decision_text
    from streamauth.core.events import Decided
    from streamauth.protocol.events import verification_object

    output = Output(json)
    decided: Decided | None = None
    with opened(store) as authenticator:
        limits = authenticator.settings.audio
        wanted = wanted_prompt(None, new_prompt, authenticator.settings.prompt)
        limit_s = limits.max_continuous_s if continuous else limits.max_attempt_s
        with recording(None, True, device, limits, limit_s, output) as audio:
            with output.busy("Loading the models"):
                attempt = authenticator.verify(name, audio.format, continuous=continuous, prompt=wanted)
            tell_prompt(attempt, output)
            with attempt, LiveView(output.messages, attempt.session.threshold) as view:
                try:
                    for event in feed(attempt, audio):
                        view.show(event)
                        decided = event if isinstance(event, Decided) else decided
                except KeyboardInterrupt:
                    if decided is None:
                        raise
    if decided is None:
        return EXIT_UNDECIDED
    output.result(verification_object(decided), decision_text(decided))
    return EXIT_BY_VERDICT[decided.verdict]
