"""Random prompts in sessions: the right words, in order, in this voice, all along, in time."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule
from streamauth.core.events import Decided, Event, Reason, ScoreUpdated, Verdict
from streamauth.core.phrase.prompt import Challenge, Prompt, PromptKind
from streamauth.core.ports import Samples
from streamauth.core.sessions.base import Session, SessionState
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.spoken_words import HearingSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.roster import Roster
from streamauth.settings import PromptSettings, Settings
from tests.fakes import FAKE_CALIBRATION, cut, fake_models, pause, pcm, say, voiceprint

FORMAT = AudioFormat(16_000)
SETTINGS = Settings()
PHRASE = "open the front door please"
DIGITS = "four seven one zero two nine"
PROMPT = Prompt(PromptKind.DIGITS, tuple(DIGITS.split()))
ME, OTHER = 1, 6
GROUP = {"ann": voiceprint(ME), "ben": voiceprint(4), "cleo": voiceprint(7)}
ROSTER = Roster.of({name: [each] for name, each in GROUP.items()}, FAKE_CALIBRATION)


def verification(
    phrase: str | None = None, *, lifetime_s: float = 60.0, used: Settings = SETTINGS
) -> VerificationSession:
    claim = Claim(voiceprint(ME), tuple(phrase.split()) if phrase else None, Challenge(PROMPT, lifetime_s))
    return VerificationSession(claim, FORMAT, fake_models(), used)


def continuous() -> ContinuousSession:
    return ContinuousSession(Claim(voiceprint(ME), None, Challenge(PROMPT, 60.0)), FORMAT, fake_models(), SETTINGS)


def identification(lifetime_s: float = 60.0) -> IdentificationSession:
    challenge = Challenge(PROMPT, lifetime_s)
    return IdentificationSession(ROSTER, FORMAT, fake_models(), SETTINGS, challenge=challenge)


def hearing() -> HearingSession:
    return HearingSession(PhraseRule((), SETTINGS.prompt, PROMPT.words), FORMAT, fake_models(), SETTINGS)


def run(session: Session, chunks: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for chunk in chunks:
        session.receive_audio(chunk)
        events += session.events()
    session.receive_end()
    return events + session.events()


def decide(session: Session, *pieces: Samples) -> Decided:
    events = run(session, [pcm(pause(0.5), *pieces, pause(0.8))])
    (decided,) = [event for event in events if isinstance(event, Decided)]
    return decided


# --- verification ---


def test_the_prompt_alone_in_the_right_voice_is_accepted() -> None:
    decided = decide(verification(), say(DIGITS, ME))
    assert (decided.verdict, decided.reasons) == (Verdict.ACCEPT, (Reason.VOICE_MATCH, Reason.PROMPT_MATCH))
    assert decided.phrase_expected == decided.phrase_heard == DIGITS
    assert decided.phrase_matched is True


def test_the_phrase_and_then_the_prompt() -> None:
    decided = decide(verification(PHRASE), say(PHRASE, ME), pause(1.0), say(DIGITS, ME))
    assert decided.verdict is Verdict.ACCEPT
    assert decided.reasons == (Reason.VOICE_MATCH, Reason.PHRASE_MATCH, Reason.PROMPT_MATCH)
    assert decided.phrase_expected == f"{PHRASE} {DIGITS}"
    assert decide(verification(PHRASE), say(f"{PHRASE} {DIGITS}", ME)).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("four seven one zero two eight", Reason.PROMPT_MISMATCH),
        ("four seven one zero nine", Reason.PROMPT_MISMATCH),
        ("four seven one two zero nine", Reason.PROMPT_MISMATCH),
        ("nine two zero one seven four", Reason.PROMPT_MISMATCH),
        (f"{DIGITS} nine", Reason.PROMPT_MISMATCH),
        (f"one {DIGITS}", Reason.PROMPT_MISMATCH),
        (PHRASE, Reason.PROMPT_MISMATCH),
        ("four seven one zero two", Reason.PROMPT_INCOMPLETE),
    ],
)
def test_any_other_words_are_rejected(words: str, reason: Reason) -> None:
    decided = decide(verification(), say(words, ME))
    assert (decided.verdict, decided.reasons[0]) == (Verdict.REJECT, reason)
    assert decided.phrase_matched is False
    named = decide(identification(), say(words, ME))
    assert (named.verdict, named.reasons[0], named.name) == (Verdict.REJECT, reason, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (f"{PHRASE} four seven one zero two eight", Reason.PROMPT_MISMATCH),
        (f"{PHRASE} four seven one", Reason.PROMPT_INCOMPLETE),
        (PHRASE, Reason.PROMPT_INCOMPLETE),
        ("open the front door", Reason.PHRASE_INCOMPLETE),
        (f"open the front window please {DIGITS}", Reason.PHRASE_MISMATCH),
        (f"{DIGITS} {PHRASE}", Reason.PHRASE_MISMATCH),
        (DIGITS, Reason.PHRASE_MISMATCH),
    ],
)
def test_which_of_phrase_and_prompt_was_wrong(words: str, reason: Reason) -> None:
    decided = decide(verification(PHRASE), say(words, ME))
    assert (decided.verdict, decided.reasons[0]) == (Verdict.REJECT, reason)


def test_another_voice_is_rejected() -> None:
    decided = decide(verification(), say(DIGITS, OTHER))
    assert (decided.verdict, decided.reasons) == (Verdict.REJECT, (Reason.VOICE_MISMATCH, Reason.PROMPT_MATCH))


@pytest.mark.parametrize("gap_s", [0.0, 0.8])
@pytest.mark.parametrize("mine_first", [True, False])
def test_half_in_one_voice_and_half_in_another_is_rejected(mine_first: bool, gap_s: float) -> None:
    first, second = (ME, OTHER) if mine_first else (OTHER, ME)
    words = [say("four seven one zero", first, word_s=0.7), pause(gap_s), say("two nine", second, word_s=1.0)]
    decided = decide(verification(), *words)
    assert decided.verdict is Verdict.REJECT
    assert decided.reasons[0] in (Reason.VOICE_CHANGED, Reason.VOICE_MISMATCH)
    assert decide(identification(), *words).verdict is Verdict.REJECT


def test_a_long_recording_of_the_voice_does_not_make_up_for_the_digits_of_another() -> None:
    # by its mean alone this would be accepted
    phrase, digits = say(PHRASE, ME, word_s=0.9), say(DIGITS, OTHER)
    decided = decide(verification(PHRASE), phrase, pause(0.6), digits)
    assert decided.verdict is Verdict.REJECT
    assert decided.reasons == (Reason.VOICE_CHANGED, Reason.PHRASE_MATCH, Reason.PROMPT_MATCH)
    assert decided.llr is not None
    assert decided.llr > 0
    lax = replace(SETTINGS, prompt=PromptSettings(stretch_margin=50))
    assert decide(verification(PHRASE, used=lax), phrase, pause(0.6), digits).verdict is Verdict.ACCEPT


@pytest.mark.parametrize("stray", ["um um um um um um", "key", "four"])
@pytest.mark.parametrize("before", [True, False])
def test_a_recording_of_the_voice_beside_the_digits_counts_for_nothing(stray: str, before: bool) -> None:
    # three seconds of the right voice, whose words are no part of the prompt
    mine, digits = say(stray, ME, word_s=3.0 / len(stray.split())), say(DIGITS, OTHER)
    pieces = [mine, pause(0.7), digits] if before else [digits[:16_000], pause(0.7), mine, pause(0.7), digits]
    decided = decide(verification(), *pieces)
    assert decided.verdict is Verdict.REJECT
    assert decide(identification(), *pieces).name is None


def test_words_that_are_no_part_of_the_prompt_do_no_harm_either() -> None:
    decided = decide(verification(), say("um", OTHER, word_s=2.0), pause(0.7), say(DIGITS, ME))
    assert (decided.verdict, decided.reasons) == (Verdict.ACCEPT, (Reason.VOICE_MATCH, Reason.PROMPT_MATCH))
    begun_anew = decide(verification(), say("four seven", OTHER), pause(0.7), say(DIGITS, ME))
    assert begun_anew.verdict is Verdict.ACCEPT


def test_a_pause_among_the_words_is_allowed_until_timeout_is_lost() -> None:
    half, rest = say("four seven one", ME), say("zero two nine", ME)
    assert decide(verification(), half, pause(2.5), rest).verdict is Verdict.ACCEPT
    late = decide(verification(), half, pause(4.0), rest)
    assert (late.verdict, late.reasons[0]) == (Verdict.REJECT, Reason.PROMPT_INCOMPLETE)
    assert decide(identification(), half, pause(2.5), rest).name == "ann"
    assert decide(identification(), half, pause(4.0), rest).reasons == (Reason.PROMPT_INCOMPLETE,)


@pytest.mark.parametrize("session", [verification(lifetime_s=3.0), identification(lifetime_s=3.0)])
def test_a_prompt_that_expires_while_it_is_waited_for_is_never_accepted(session: Session) -> None:
    decided = decide(session, pause(1.5), say(DIGITS, ME))
    assert (decided.verdict, decided.reasons[0]) == (Verdict.UNDECIDED, Reason.PROMPT_EXPIRED)
    assert decided.at_sample == 48_000
    assert decided.name is None


def test_too_little_speech_in_it_is_undecided() -> None:
    # said so fast that it cannot be: 0.12 s each
    hurried = Challenge(Prompt(PromptKind.DIGITS, ("four", "seven")), 60.0)
    session = VerificationSession(Claim(voiceprint(ME), None, hurried), FORMAT, fake_models(), SETTINGS)
    decided = decide(session, say("four seven", ME, word_s=0.15), pause(0.7), say(PHRASE, ME))
    assert (decided.verdict, decided.reasons[:2]) == (
        Verdict.UNDECIDED,
        (Reason.TOO_LITTLE_SPEECH, Reason.PROMPT_MATCH),
    )
    named = IdentificationSession(ROSTER, FORMAT, fake_models(), SETTINGS, challenge=hurried)
    assert decide(named, say("four seven", ME, word_s=0.15)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("session", [verification(), identification()])
def test_without_speech_it_is_undecided(session: Session) -> None:
    decided = decide(session, pause(1.0))
    assert (decided.verdict, decided.reasons) == (Verdict.UNDECIDED, (Reason.NO_SPEECH,))


# --- continuous ---


def test_continuous_mode_begins_with_the_prompt() -> None:
    words = "open the front door please close window my voice is key " * 4
    audio = pcm(pause(0.5), say(DIGITS, ME), pause(0.8), say(words, ME)[: 8 * 16_000], say(words, OTHER)[: 10 * 16_000])
    verdicts = [e for e in run(continuous(), [audio]) if isinstance(e, Decided)]
    assert [event.verdict for event in verdicts] == [Verdict.ACCEPT, Verdict.REJECT]
    assert Reason.PROMPT_MATCH in verdicts[0].reasons
    assert verdicts[1].reasons[0] is Reason.VOICE_MISMATCH


def test_continuous_mode_ends_without_the_prompt() -> None:
    session = continuous()
    events = run(session, [pcm(pause(0.5), say(PHRASE, ME), pause(0.8), say(DIGITS, ME), pause(0.8))])
    assert [event.verdict for event in events if isinstance(event, Decided)] == [Verdict.REJECT]
    assert session.state is SessionState.DECIDED


# --- identification ---


@pytest.mark.parametrize(("speaker", "name"), [(ME, "ann"), (4, "ben"), (7, "cleo"), (9, None)])
def test_who_says_the_prompt_is_named(speaker: int, name: str | None) -> None:
    decided = decide(identification(), say(DIGITS, speaker))
    assert decided.name == name
    assert decided.verdict is (Verdict.ACCEPT if name else Verdict.REJECT)
    assert decided.reasons == (Reason.VOICE_MATCH if name else Reason.NOBODY, Reason.PROMPT_MATCH)


def test_a_clear_voice_alone_names_nobody() -> None:
    words = "open the front door please close window my voice is key " * 3
    decided = decide(identification(), say(words, ME))
    assert (decided.name, decided.reasons) == (None, (Reason.PROMPT_MISMATCH,))


def test_nobody_is_named_where_the_voice_changes() -> None:
    decided = decide(identification(), say("four seven one zero", ME, word_s=0.9), say("two nine", 4, word_s=1.1))
    assert (decided.verdict, decided.name) == (Verdict.REJECT, None)
    assert decided.reasons == (Reason.VOICE_CHANGED, Reason.PROMPT_MATCH)


# --- hearing ---


@pytest.mark.parametrize(("words", "matched"), [(DIGITS, True), ("four", False), (PHRASE, False), ("", False)])
def test_hearing_a_prompt_in_any_voice(words: str, matched: bool) -> None:
    session = hearing()
    events = run(session, [pcm(pause(0.5), say(words, 9), pause(0.8))])
    assert (session.heard, session.matched) == (words, matched)
    assert not any(isinstance(event, Decided) for event in events)
    assert session.state is SessionState.DECIDED


def test_hearing_ends_in_time() -> None:
    session = hearing()
    session.receive_audio(pcm(pause(31.0)))
    assert session.state is SessionState.DECIDED


# --- independence of chunking ---

STORY = pcm(
    *(pause(0.4), say("um", OTHER), pause(0.6), say(PHRASE, ME), pause(0.9)),
    *(say("four seven one", ME), pause(0.5), say("zero two nine", ME), pause(0.7)),
)


@cache
def whole() -> list[Event]:
    return run(verification(PHRASE), [STORY])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_same_pcm_cut_anywhere_gives_the_same_events(sizes: list[int]) -> None:
    [decided] = [event for event in whole() if isinstance(event, Decided)]
    assert whole()[-1] is decided
    assert decided.verdict is Verdict.ACCEPT
    assert sum(isinstance(event, ScoreUpdated) for event in whole()) > 5
    assert run(verification(PHRASE), cut(STORY, sizes)) == whole()
