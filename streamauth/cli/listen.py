"""``streamauth listen``."""

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from streamauth.core.events import Decided


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
        with recording(None, True, device, authenticator.settings, limit_s, output) as audio:
            with output.busy("Loading the models"):
                attempt = authenticator.verify(name, audio.format, continuous=continuous, prompt=wanted)
            tell_prompt(attempt, output)
            with attempt, LiveView(output.messages, attempt.session.threshold) as view:
                try:
                    for event in feed(attempt, audio):
                        view.show(event)
                        if isinstance(event, Decided):
                            decided = event
                            if continuous:
                                output.step(verification_object(event), _line(event))
                except KeyboardInterrupt:
                    if decided is None:
                        raise
    if decided is None:
        return EXIT_UNDECIDED
    if continuous:
        return EXIT_BY_VERDICT[decided.verdict]
    output.result(verification_object(decided), decision_text(decided))
    return EXIT_BY_VERDICT[decided.verdict]


def _line(decided: "Decided") -> str:
    """One line of the history of a continuous session, with the time since its begin."""
    from streamauth.core.ports import SAMPLE_RATE_HZ
    from streamauth.core.reasons import REASON_TEXTS

    at_s = round(decided.at_sample / SAMPLE_RATE_HZ)
    reasons = " ".join(REASON_TEXTS[reason] for reason in decided.reasons)
    return f"{at_s // 3600}:{at_s // 60 % 60:02}:{at_s % 60:02}  {decided.verdict.upper():<9}  {reasons}"
