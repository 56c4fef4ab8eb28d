import pytest

from streamauth.core.events import Verdict
from streamauth.core.voice.speaker_change import SpeakerChangeDetector


def follow(watch: SpeakerChangeDetector, *llrs: float, fresh: float = 0.25) -> list[Verdict | None]:
    return [watch.add(llr, fresh) for llr in llrs]


def test_another_voice_is_noticed_when_its_evidence_adds_up_to_the_bound() -> None:
    # 0.25 of each window is new: 8 nats a window are 2 of fresh evidence
    watch = SpeakerChangeDetector(leave_llr=6.0, return_llr=3.0)
    assert follow(watch, -8.0, -8.0, -8.0) == [None, None, Verdict.REJECT]
    assert watch.verdict is Verdict.REJECT


def test_a_long_time_in_the_right_voice_does_not_delay_the_notice_of_another() -> None:
    watch = SpeakerChangeDetector(leave_llr=6.0, return_llr=3.0)
    follow(watch, *[20.0] * 10_000)
    assert follow(watch, -8.0, -8.0, -8.0)[-1] is Verdict.REJECT


def test_doubtful_windows_between_good_ones_do_not_add_up() -> None:
    watch = SpeakerChangeDetector(leave_llr=6.0, return_llr=3.0)
    assert set(follow(watch, *[-8.0, 12.0] * 1000)) == {None}


@pytest.mark.parametrize(("llr", "back"), [(8.0, 2), (2.0, 6)])
def test_the_enrolled_voice_comes_back(llr: float, back: int) -> None:
    watch = SpeakerChangeDetector(leave_llr=6.0, return_llr=3.0)
    follow(watch, -24.0)
    verdicts = follow(watch, *[llr] * 10)
    assert verdicts.index(Verdict.ACCEPT) + 1 == back
    assert verdicts.count(Verdict.ACCEPT) == 1
