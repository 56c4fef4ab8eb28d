"""Random prompts through the application object: drawn, bound, used once, in time."""

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamauth.core.events import Decided, Event, Failed, PromptGiven, Reason, Verdict
from streamauth.core.phrase.prompt import Prompt, PromptKind, PromptPlan
from streamauth.core.phrase.words import DIGITS
from streamauth.errors import (
    AttemptDelayed,
    EngineError,
    PromptExpired,
    StreamAuthError,
    TooManyPrompts,
    UnknownProfile,
    UnknownPrompt,
)
from streamauth.service.authenticator import Authenticator, HearingAttempt, VerificationAttempt
from streamauth.store.prompts import OpenPrompt
from tests.fakes import pause, pcm, say
from tests.service.test_authenticator import FORMAT, PHRASE, Clock, auth, clock, decided, enroll, finish, opened

__all__ = ["auth", "clock"]  # fixtures

LONG = "open the front door please close window my voice is key " * 2
SIX_DIGITS = PromptPlan(PromptKind.DIGITS, 6)
ME, OTHER = 1, 6


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of ``people``."""
    home = tmp_path_factory.mktemp("people") / "home"
    with opened(home, Clock()) as auth:
        enroll(auth, "ada", ME)
        finish(auth.enroll("bob", FORMAT, text_independent=True), pcm(pause(0.5), say(LONG, 4), pause(0.8)))
    return home


@pytest.fixture
def people(knowing: Path, tmp_path: Path, clock: Clock) -> Iterator[Authenticator]:
    """Knows ada, with a pass phrase, and bob, without one."""
    with opened(Path(shutil.copytree(knowing, tmp_path / "home")), clock) as auth:
        yield auth


def saying(words: str, speaker: int = ME) -> bytes:
    return pcm(pause(0.5), say(words, speaker), pause(0.8))


def draw(people: Authenticator, name: str | None = None) -> OpenPrompt:
    """A prompt of digits, which the engines of these tests know."""
    return people.prompts.draw(name, plan=SIX_DIGITS)


def spoken(prompt: OpenPrompt) -> str:
    return " ".join(prompt.prompt.words)


def shown(given: PromptGiven | None) -> str:
    assert given is not None
    return " ".join(DIGITS[int(digit)] for digit in given.text.split())


def reasons(events: list[Event]) -> tuple[Reason, ...]:
    return decided(events).reasons


def test_the_phrase_and_a_prompt_of_the_profile(people: Authenticator) -> None:
    prompt = draw(people, "ada")
    attempt = people.verify("ada", FORMAT, prompt=prompt.id)
    assert attempt.prompt == PromptGiven(0, prompt.prompt.text, after_phrase=True, expires_s=60.0)
    assert decided(finish(attempt, saying(f"{PHRASE} {spoken(prompt)}"))).verdict is Verdict.ACCEPT


def test_the_prompt_alone_where_there_is_no_phrase(people: Authenticator) -> None:
    prompt = draw(people, "bob")
    attempt = people.verify("bob", FORMAT, prompt=prompt.id)
    assert attempt.prompt == PromptGiven(0, prompt.prompt.text, after_phrase=False, expires_s=60.0)
    assert reasons(finish(attempt, saying(spoken(prompt), 4))) == (Reason.VOICE_MATCH, Reason.PROMPT_MATCH)


def test_a_prompt_drawn_for_the_attempt(people: Authenticator) -> None:
    attempt = people.verify("ada", FORMAT, prompt=SIX_DIGITS)
    said = saying(f"{PHRASE} {shown(attempt.prompt)}")
    assert decided(finish(attempt, said)).verdict is Verdict.ACCEPT
    again = people.verify("ada", FORMAT, prompt=SIX_DIGITS)
    assert shown(again.prompt) != shown(attempt.prompt)
    assert decided(finish(again, said)).verdict is Verdict.REJECT


def test_without_one_nothing_is_asked_for(people: Authenticator) -> None:
    assert people.verify("ada", FORMAT).prompt is None


def test_a_prompt_that_was_used_is_of_no_use(people: Authenticator) -> None:
    prompt = draw(people, "ada")
    finish(people.verify("ada", FORMAT, prompt=prompt.id), saying(PHRASE))
    failures = people.store.profiles.summaries(name="ada")[0].failures
    with pytest.raises(UnknownPrompt):
        people.verify("ada", FORMAT, prompt=prompt.id)
    assert people.store.profiles.summaries(name="ada")[0].failures == failures


def test_a_prompt_is_used_up_before_any_audio(people: Authenticator) -> None:
    prompt = draw(people, "ada")
    people.verify("ada", FORMAT, prompt=prompt.id).close()
    with pytest.raises(UnknownPrompt):
        people.verify("ada", FORMAT, prompt=prompt.id)


def test_of_two_attempts_at_once_one_gets_the_prompt(people: Authenticator) -> None:
    prompt = draw(people, "ada")

    def begin(_: int) -> type[object]:
        try:
            with people.verify("ada", FORMAT, prompt=prompt.id) as attempt:
                return type(attempt)
        except StreamAuthError as error:
            return type(error)

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(begin, range(4)))
    assert got.count(VerificationAttempt) == 1
    assert got.count(UnknownPrompt) == 3


def test_an_attempt_that_is_refused_leaves_the_prompt(people: Authenticator, clock: Clock) -> None:
    prompt = draw(people, "bob")
    for _ in range(people.settings.attempts.free_failures):
        finish(people.verify("bob", FORMAT), saying(LONG, OTHER))
    with pytest.raises(AttemptDelayed):
        people.verify("bob", FORMAT, prompt=prompt.id)
    clock.now_s += people.settings.attempts.base_delay_s
    attempt = people.verify("bob", FORMAT, prompt=prompt.id)
    assert decided(finish(attempt, saying(spoken(prompt), 4))).verdict is Verdict.ACCEPT


def test_an_attempt_that_cannot_begin_costs_nothing(people: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise EngineError

    monkeypatch.setattr("streamauth.service.authenticator.VerificationSession", broken)
    with pytest.raises(EngineError):
        people.verify("bob", FORMAT)
    assert people.store.profiles.summaries(name="bob")[0].failures == 0


def test_the_prompt_of_another_profile(people: Authenticator) -> None:
    prompt = draw(people, "bob")
    with pytest.raises(UnknownPrompt):
        people.verify("ada", FORMAT, prompt=prompt.id)
    with pytest.raises(UnknownPrompt):
        people.identify(FORMAT, prompt=prompt.id)
    people.verify("bob", FORMAT, prompt=prompt.id).close()


def test_a_prompt_for_anybody(people: Authenticator) -> None:
    prompt = draw(people)
    attempt = people.verify("bob", FORMAT, prompt=prompt.id)
    assert decided(finish(attempt, saying(spoken(prompt), 4))).verdict is Verdict.ACCEPT


def test_a_prompt_that_is_too_old(people: Authenticator, clock: Clock) -> None:
    prompt = draw(people, "ada")
    clock.now_s += 60
    with pytest.raises(PromptExpired):
        people.verify("ada", FORMAT, prompt=prompt.id)


def test_what_is_left_of_its_life_counts_in_the_audio(people: Authenticator, clock: Clock) -> None:
    prompt = draw(people, "ada")
    clock.now_s += 58
    attempt = people.verify("ada", FORMAT, prompt=prompt.id)
    assert attempt.prompt is not None
    assert attempt.prompt.expires_s == pytest.approx(2.0)
    decision = decided(finish(attempt, saying(f"{PHRASE} {spoken(prompt)}")))
    assert (decision.verdict, decision.reasons[0]) == (Verdict.UNDECIDED, Reason.PROMPT_EXPIRED)


@pytest.mark.parametrize("mode", ["verify", "identify"])
def test_audio_that_comes_slowly_does_not_make_it_last_longer(people: Authenticator, clock: Clock, mode: str) -> None:
    attempt = (
        people.verify("bob", FORMAT, prompt=SIX_DIGITS)
        if mode == "verify"
        else people.identify(FORMAT, prompt=SIX_DIGITS)
    )
    clock.now_s += 61
    events = finish(attempt, saying(shown(attempt.prompt), 4))
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "prompt_expired"
    assert not any(isinstance(event, Decided) for event in events)
    # nothing was told of the voice
    assert people.store.profiles.summaries(name="bob")[0].failures == 0


def test_a_continuous_session_lasts_longer_than_its_prompt(people: Authenticator, clock: Clock) -> None:
    attempt = people.verify("bob", FORMAT, continuous=True, prompt=SIX_DIGITS)
    events = attempt.receive_audio(saying(shown(attempt.prompt), 4))
    clock.now_s += 100
    for speaker in (OTHER, 4):
        events += attempt.receive_audio(pcm(say(LONG * 2, speaker)))
    attempt.close()
    verdicts = [event.verdict for event in events if isinstance(event, Decided)]
    assert verdicts == [Verdict.ACCEPT, Verdict.REJECT, Verdict.ACCEPT]


def test_identification_names_who_says_the_prompt(people: Authenticator) -> None:
    prompt = draw(people)
    attempt = people.identify(FORMAT, prompt=prompt.id)
    assert decided(finish(attempt, saying(spoken(prompt), 4))).name == "bob"
    attempt = people.identify(FORMAT, prompt=SIX_DIGITS)
    decision = decided(finish(attempt, saying(spoken(prompt), 4)))
    assert (decision.name, decision.reasons) == (None, (Reason.PROMPT_MISMATCH,))


def test_only_so_many_wait_for_one_profile(people: Authenticator, clock: Clock) -> None:
    first = draw(people, "ada")
    for _ in range(2 * people.settings.prompt.max_open):
        assert (draw(people, "ada").id, first.prompt.words) == (first.id, first.prompt.words)
    for _ in range(people.settings.prompt.max_open):
        draw(people)
    with pytest.raises(TooManyPrompts):
        draw(people)
    draw(people, "bob")
    clock.now_s += 31
    later = draw(people, "ada")
    assert later.id != first.id
    people.prompts.take(later.id)
    assert draw(people, "ada").id not in (first.id, later.id)


def test_whoever_begins_again_without_a_word_is_asked_for_the_same_words(people: Authenticator) -> None:
    asked = set()
    for _ in range(5):
        with people.verify("bob", FORMAT, prompt=SIX_DIGITS) as attempt:
            attempt.receive_audio(pcm(pause(1.0)))
            asked.add(shown(attempt.prompt))
    assert len(asked) == 1
    assert people.store.profiles.summaries(name="bob")[0].failures == 0
    with people.verify("bob", FORMAT, prompt=SIX_DIGITS) as attempt:
        attempt.receive_audio(pcm(pause(0.5), say("one two three", OTHER), pause(0.3)))
    assert people.store.profiles.summaries(name="bob")[0].failures == 1
    with people.verify("bob", FORMAT, prompt=SIX_DIGITS) as attempt:
        assert shown(attempt.prompt) not in asked


def test_a_prompt_for_nobody(auth: Authenticator) -> None:
    with pytest.raises(UnknownProfile):
        auth.prompts.draw("nobody")


def test_the_plan_and_the_source_are_what_is_drawn_from(auth: Authenticator) -> None:
    assert isinstance(auth.prompts._random, random.SystemRandom)
    assert len(auth.prompts.draw().prompt.words) == auth.settings.prompt.words
    drawn = auth.prompts.draw(plan=PromptPlan(PromptKind.WORDS, 3)).prompt
    assert (drawn.kind, len(drawn.words)) == (PromptKind.WORDS, 3)


def test_checking_a_prompt_for_anybody(people: Authenticator) -> None:
    prompt = draw(people)
    taken = people.prompts.take(prompt.id)
    for words, matched in ((spoken(prompt), True), (PHRASE, False)):
        attempt = people.check_prompt(taken, FORMAT)
        assert isinstance(attempt, HearingAttempt)
        finish(attempt, saying(words, 9))
        assert attempt.session.matched is matched
    with pytest.raises(UnknownPrompt):
        people.prompts.take(prompt.id)


def test_checking_the_prompt_of_a_profile_is_an_attempt_on_it(people: Authenticator) -> None:
    taken = people.prompts.take(draw(people, "ada").id)
    assert reasons(finish(people.check_prompt(taken, FORMAT), saying(spoken(taken)))) == (
        Reason.VOICE_MATCH,
        Reason.PROMPT_MATCH,
    )
    for _ in range(people.settings.attempts.free_failures):
        finish(people.check_prompt(taken, FORMAT), saying(spoken(taken), OTHER))
    with pytest.raises(AttemptDelayed):
        people.check_prompt(taken, FORMAT)


def test_a_deleted_profile_takes_its_prompts_along(people: Authenticator) -> None:
    prompt = draw(people, "ada")
    people.store.profiles.delete(people.store.profiles.get("ada").id)
    with pytest.raises(UnknownPrompt):
        people.prompts.take(prompt.id)


def test_nothing_shows_the_words_in_a_log(people: Authenticator, tmp_path: Path) -> None:
    prompt = people.prompts.draw(plan=PromptPlan(PromptKind.WORDS, 4))
    assert not any(word in repr(prompt) for word in prompt.prompt.words)
    assert isinstance(prompt.prompt, Prompt)
