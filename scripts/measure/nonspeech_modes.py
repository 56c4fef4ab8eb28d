"""Sounds that are no speech, through every mode: what becomes of them, and of owners who speak after them.

    python -m scripts.measure.nonspeech_modes [--people 12] [--seconds 20] [--kinds TEXT]

Kinds: those of ``scripts/fixtures/nonspeech.py`` and the second halves of the recordings in ../shared/audio/noise.
People: readers of LibriSpeech of whom nothing was learned, enrolled by 6 s, and a synthetic voice with a pass phrase.
"accepted": claims of all these people, in verification and continuous verification, and whether identification names
one. "taken": utterances of enrollments, without and with a phrase, each by three pieces of the sound, and "enrolled"
those that are complete; "by 60 s": free speech that is 60 s of it. "refused after it": owners who are accepted after
1.5 s of silence, and not after 1.5 s of the sound.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import soundfile

from scripts.measure.nonspeech import others
from scripts.measure.trials import librispeech
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import Decided, Event, UtteranceTaken, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Voiceprint
from streamauth.core.sessions.base import Models, Session
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrolled import voiceprint_of
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.roster import Roster
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.settings import Settings

WORDS = ("please", "open", "the", "door", "and", "let", "me", "come", "in")
VOICE = "awb"
SETTINGS = Settings()
FORMAT = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE)
_ENROLLED_S, _BEFORE_S, _FREE_S = 6, 1.5, 60.0


@dataclass(frozen=True)
class Person:
    """Somebody who is enrolled.

    Attributes:
        claim: Who to be.
        voiceprint: Theirs.
        speech: Theirs, of another time.
    """

    claim: Claim
    voiceprint: Voiceprint
    speech: Samples


def gap(seconds: float) -> Samples:
    """Silence."""
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def heard(session: Session, *pieces: Samples) -> list[Event]:
    """What a session tells of audio."""
    session.receive_audio(np.concatenate(pieces))
    session.receive_end()
    assert session.error is None
    return session.events()


def accepted(session: Session, *pieces: Samples) -> bool:
    """Whether a session accepts audio, at any time of it."""
    decided = [event for event in heard(session, *pieces) if isinstance(event, Decided)]
    return any(each.verdict is Verdict.ACCEPT for each in decided)


def enrolled(models: Models, plan: EnrollmentPlan, *utterances: Samples) -> EnrollmentSession:
    """An enrollment by utterances."""
    session = EnrollmentSession(plan, FORMAT, models, SETTINGS)
    for utterance in utterances:
        session.receive_audio(utterance)
        session.end_utterance()
    session.close()
    return session


def people(models: Models, count: int) -> Iterator[Person]:
    """Readers, and the synthetic voice with a phrase last."""
    for _, clip in [*librispeech(11.0, "unseen")][:count]:
        begin = clip[: _ENROLLED_S * SAMPLE_RATE_HZ]
        made = enrolled(models, EnrollmentPlan(False, least_speech_s=_ENROLLED_S / 2), begin)
        voiceprint = voiceprint_of(made.utterances)
        yield Person(Claim(voiceprint), voiceprint, clip[begin.size :])
    said = [soundfile.read(demo_utterances()[VOICE, f"door-{n}"].path, dtype="float32")[0] for n in (1, 2, 3, 4)]
    made = enrolled(models, EnrollmentPlan(True, WORDS), *said[:3])
    voiceprint = voiceprint_of(made.utterances)
    yield Person(Claim(voiceprint, expected_words=WORDS), voiceprint, said[3])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=12, help="readers")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each sound")
    parser.add_argument("--kinds", default="", help="only those with this in their name")
    options = parser.parse_args()
    models = Engines(SETTINGS).models(with_words=True)
    enrolled_people = list(people(models, options.people))
    roster = Roster.of({str(n): [one.voiceprint] for n, one in enumerate(enrolled_people)}, models.calibration)
    make = partial(VerificationSession, audio_format=FORMAT, models=models, settings=SETTINGS)
    follow = partial(ContinuousSession, audio_format=FORMAT, models=models, settings=SETTINGS)
    owners = [one for one in enrolled_people if accepted(make(one.claim), gap(_BEFORE_S), one.speech)]
    print(f"{len(enrolled_people)} people, {len(owners)} of them accepted after silence\n")
    print("| sound | accepted: verified | continuous | identified | taken | enrolled | by 60 s | refused after it |")
    print("|" + "---|" * 8)
    for (kind, sound), (_, long) in zip(others(options.seconds), others(_FREE_S), strict=True):
        if options.kinds not in kind:
            continue
        verified = sum(accepted(make(one.claim), sound, gap(1)) for one in enrolled_people)
        followed = sum(accepted(follow(one.claim), sound, gap(1)) for one in enrolled_people)
        found = accepted(IdentificationSession(roster, FORMAT, models, SETTINGS), sound, gap(1))
        third = np.array_split(sound, 3)
        tries = [enrolled(models, plan, *third) for plan in (EnrollmentPlan(False), EnrollmentPlan(True, WORDS))]
        taken = sum(isinstance(event, UtteranceTaken) for each in tries for event in each.events())
        free = enrolled(models, EnrollmentPlan(False), long)
        lost = sum(
            not accepted(make(one.claim), sound[: round(_BEFORE_S * SAMPLE_RATE_HZ)], gap(0.3), one.speech)
            for one in owners
        )
        complete = sum(each.complete for each in tries)
        row = (kind, verified, followed, int(found), taken, complete, int(free.complete), lost)
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
