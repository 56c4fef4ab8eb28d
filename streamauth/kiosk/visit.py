"""One visitor after another: from a voice, a touch or a claim to an answer.

    idle -> listening or say -> welcome -> idle
                             -> again -> listening (at most ``tries`` times) -> ring -> idle

Called by one thread alone, with each chunk of audio in its order. Lengths of speech are counted in audio; only how
long an answer stays is measured by a clock.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom

from streamauth.core.audio.frontend import PcmFrontEnd
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.door.access import Person
from streamauth.core.door.events import Denial
from streamauth.core.events import Decided, Event, LevelMeasured, Reason, Verdict
from streamauth.core.phrase.prompt import Prompt, PromptPlan
from streamauth.core.sessions.base import SessionState
from streamauth.errors import AttemptRefused, NobodyToIdentify, StreamAuthError
from streamauth.kiosk.gate import Gate
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.voices import Voices
from streamauth.service.authenticator import IdentificationAttempt, VerificationAttempt
from streamauth.settings import SpeechSettings
from streamauth.store.door_plan import Claimed

_PREROLL_S = 1.0
_FOREVER_S = 1e12
_REPEATABLE = frozenset({Denial.NOT_RECOGNIZED, Denial.HEARD_BEFORE, Denial.UNDECIDED})


@dataclass(frozen=True, slots=True)
class VisitRule:
    """How visitors are received.

    Attributes:
        door: Name of the door.
        by_voice: Whether a visitor may be known by voice alone, without a claim.
        by_claim: Whether a visitor may claim to be somebody.
        begins_by_voice: Whether a voice begins an attempt; else a touch does.
        prompt: Random words to draw, None for none.
        listen_s: Longest audio of an attempt, in seconds.
        tries: Attempts in a row before a visitor is asked to ring.
        answer_s: Time that an answer stays, in seconds.
        show_names: Whether people are greeted by name.
    """

    door: str
    by_voice: bool = True
    by_claim: bool = True
    begins_by_voice: bool = True
    prompt: PromptPlan | None = None
    listen_s: float = 12.0
    tries: int = 3
    answer_s: float = 4.0
    show_names: bool = False


@dataclass
class _Trial:
    """One attempt on the audio of a visitor.

    Attributes:
        attempt: The attempt.
        person: Whom it is on; None where the attempt is to tell.
        profile: The profile it is charged to, likewise.
        duress: Whether its accept tells of a threat.
        decided: Its decision.
    """

    attempt: IdentificationAttempt | VerificationAttempt
    person: Person | None = None
    profile: str | None = None
    duress: bool = False
    decided: Decided | None = None

    @property
    def over(self) -> bool:
        """Whether it will tell nothing more."""
        return self.attempt.state is not SessionState.LISTENING


@dataclass(eq=False, repr=False)
class Visit:
    """Receives visitors.

    Attributes:
        rule: How.
        speech: Settings of voice activity.
        audio_format: Of the audio to come.
        voices: Makes attempts.
        gate: Decides who may pass.
        show: Called with each new picture.
        on_level: Called with the level while somebody is listened to.
        clock: Seconds of a monotonic clock.
    """

    rule: VisitRule
    speech: SpeechSettings
    audio_format: AudioFormat
    voices: Voices
    gate: Gate
    show: Callable[[Screen], None]
    on_level: Callable[[LevelMeasured], None] = lambda level: None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._random = SystemRandom()
        self._trials: list[_Trial] = []
        self._people: Sequence[Person] = ()
        self._claimed: Claimed | None = None
        self._heard_bytes = 0
        self._failures = 0
        self._answer_until_s: float | None = None
        self._next_try = False
        self._bytes_per_s = self.audio_format.bytes_per_s
        self._before: deque[bytes] = deque()
        self._rest()

    @property
    def busy(self) -> bool:
        """Whether somebody is being received."""
        return bool(self._trials) or self._answer_until_s is not None

    def hear(self, chunk: bytes) -> None:
        """Take the next chunk of audio."""
        self.tick()
        if self._answer_until_s is not None:
            return  # nobody is heard while an answer is shown, and the answer's own sound is not either
        started, ended = self._measure(chunk)
        if self._trials:
            self._listen(chunk)
            return
        self._before.append(chunk)
        while sum(map(len, self._before)) > _PREROLL_S * self._bytes_per_s:
            self._before.popleft()
        if not (self.rule.by_voice and self.rule.begins_by_voice):
            return
        if self.rule.prompt is None and started:
            self._begin_by_voice(list(self._before))
        elif self.rule.prompt is not None and ended:
            # only what is said after the words are shown can be them
            self._begin_by_voice([])

    def touch(self) -> None:
        """Somebody touched the screen, a button or a sensor."""
        if not self.busy and self.rule.by_voice:
            self._begin_by_voice([])

    def claim(self, claimed: Claimed | None) -> None:
        """Somebody gave a PIN, a badge or a code; None where nobody has it."""
        if self._trials or (self._answer_until_s is not None and not self._next_try):
            return
        self._end()
        if claimed is None:
            self._answer_denied(self.gate.deny(None, Denial.UNKNOWN_PERSON))
            return
        self._claimed, self._failures = claimed, 0
        self._begin_by_claim(claimed)

    def cancel(self) -> None:
        """The visitor goes, or the microphone does: nothing is decided."""
        self._failures = 0
        self._claimed = None
        self._end()
        self._rest()

    def tick(self) -> None:
        """Let time pass."""
        if self._answer_until_s is None or self.clock() < self._answer_until_s:
            return
        again, claimed = self._next_try, self._claimed
        self._end()
        if again and claimed is not None:
            self._begin_by_claim(claimed)
        else:
            self._claimed = None
            if not again:
                self._failures = 0
            self._rest()

    def _rest(self) -> None:
        self._before.clear()
        self._new_front()
        self.show(Screen(View.IDLE))

    def _new_front(self) -> None:
        self._front = PcmFrontEnd(self.audio_format, self.voices.detector(), self.speech, 0, _FOREVER_S)

    def _measure(self, chunk: bytes) -> tuple[bool, bool]:
        """Show the level; whether speech begins in the chunk, and whether it ends."""
        started = ended = False
        try:
            for step in self._front.feed(chunk):
                started |= step.segmented.started is not None
                ended |= step.segmented.ended is not None
                if step.level is not None and self._trials:
                    # of the audio itself, never of an attempt: what is shown must not tell attempts apart
                    self.on_level(step.level)
        except StreamAuthError:
            self._new_front()
        return started, ended

    def _prompt(self) -> Prompt | None:
        return None if self.rule.prompt is None else self.rule.prompt.draw(self._random)

    def _begin_by_voice(self, said: list[bytes]) -> None:
        prompt = self._prompt()
        try:
            self._people = self.gate.plan.load().among(self.rule.door)
            profiles = [person.profile for person in self._people if person.profile is not None]
            self._trials = [_Trial(self.voices.identify(profiles, self.audio_format, prompt))]
        except NobodyToIdentify:
            self._answer_denied(self.gate.deny(None, Denial.UNKNOWN_PERSON))
            return
        except StreamAuthError:
            self._answer_denied(self.gate.deny(None, Denial.FAILED))
            return
        self._ask(prompt)
        for chunk in said:
            self._listen(chunk)

    def _begin_by_claim(self, claimed: Claimed) -> None:
        prompt = self._prompt()
        try:
            person = self.gate.plan.load().people.get(claimed.person)
            if person is None or person.profile is None:
                self._answer_denied(self.gate.deny(claimed.person, Denial.UNKNOWN_PERSON))
                return
            self._begin_trial(person, person.profile, prompt, duress=claimed.duress)
            if person.duress_profile is not None:
                # both phrases are listened for at once, so that nothing shows which one was said
                self._begin_trial(person, person.duress_profile, prompt, duress=True)
            self._ask(prompt)
        except AttemptRefused:
            self._end()
            self._answer_denied(self.gate.deny(claimed.person, Denial.LOCKED_OUT))
        except StreamAuthError:
            self._end()
            self._answer_denied(self.gate.deny(claimed.person, Denial.FAILED))

    def _begin_trial(self, person: Person, profile: str, prompt: Prompt | None, *, duress: bool) -> None:
        attempt = self.voices.verify(profile, self.audio_format, prompt)
        self._trials.append(_Trial(attempt, person, profile, duress))

    def _ask(self, prompt: Prompt | None) -> None:
        self._heard_bytes = 0
        self._new_front()
        phrase = any(trial.profile is not None and self.voices.has_phrase(trial.profile) for trial in self._trials)
        if prompt is None:
            self.show(Screen(View.LISTENING, phrase=phrase))
        else:
            self.show(Screen(View.SAY, prompt.text, phrase=phrase))

    def _listen(self, chunk: bytes) -> None:
        if not self._trials:
            return  # decided by what was said before
        self._heard_bytes += len(chunk)
        for trial in self._trials:
            if not trial.over:
                self._take(trial, trial.attempt.receive_audio(chunk))
        if self._heard_bytes >= self.rule.listen_s * self._bytes_per_s:
            for trial in self._trials:
                if not trial.over:
                    self._take(trial, trial.attempt.receive_end())
        self._conclude()

    def _take(self, trial: _Trial, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Decided):
                trial.decided = event

    def _conclude(self) -> None:
        accepted = next((each for each in self._trials if _verdict(each) is Verdict.ACCEPT), None)
        if accepted is None and not all(trial.over for trial in self._trials):
            return
        trials = self._trials
        self._trials = []
        try:
            if accepted is None:
                self._reject(trials)
            else:
                self._accept(accepted)
        finally:
            for trial in trials:
                trial.attempt.close()
        if accepted is not None:
            self._forgive([trial for trial in trials if trial is not accepted])

    def _accept(self, trial: _Trial) -> None:
        person = trial.person
        if person is None and trial.decided is not None:
            person = next((each for each in self._people if each.profile == trial.decided.name), None)
        denial = self.gate.decide(None if person is None else person.name, duress=trial.duress)
        if denial is not None:
            self._answer_denied(denial)
            return
        self._failures = 0
        greeted = person.name if person is not None and self.rule.show_names else ""
        self._answer(Screen(View.WELCOME, name=greeted))

    def _reject(self, trials: list[_Trial]) -> None:
        reasons = {reason for trial in trials if trial.decided is not None for reason in trial.decided.reasons}
        if Reason.HEARD_BEFORE in reasons:
            denial = Denial.HEARD_BEFORE
        elif any(_verdict(trial) is Verdict.REJECT for trial in trials):
            denial = Denial.NOT_RECOGNIZED
        elif any(trial.attempt.error is not None for trial in trials):
            denial = Denial.FAILED
        else:
            denial = Denial.UNDECIDED
        person = trials[0].person
        if person is None and denial is Denial.UNDECIDED:
            # a noise, a passer-by: nobody asked for an answer
            self._failures = 0
            self._rest()
            return
        self._answer_denied(self.gate.deny(None if person is None else person.name, denial))

    def _forgive(self, others: list[_Trial]) -> None:
        for trial in others:
            if trial.profile is not None:
                # where that fails, its failure stays counted; the person is in already
                with suppress(StreamAuthError):
                    self.voices.forgive(trial.profile)

    def _answer_denied(self, denial: Denial) -> None:
        self._failures += 1
        self._next_try = denial in _REPEATABLE and self._failures < self.rule.tries
        closed = denial is Denial.LOCKDOWN
        self._answer(Screen(View.AGAIN if self._next_try else View.CLOSED if closed else View.RING))

    def _answer(self, screen: Screen) -> None:
        self._answer_until_s = self.clock() + self.rule.answer_s
        self.show(screen)

    def _end(self) -> None:
        for trial in self._trials:
            trial.attempt.close()
        self._trials = []
        self._answer_until_s = None
        self._next_try = False


def _verdict(trial: _Trial) -> Verdict | None:
    return None if trial.decided is None else trial.decided.verdict
