"""Error rates of the shipped product on recordings of real people, through its own sessions.

    python scripts/evaluate.py [--encoder ge2e] [--decisions 40] [--json]

LibriSpeech: of each clip of 11 s or more the first 6 s enroll text-independently and the last 5 s are verified
against every speaker; the live decision of a whole session is taken for the true speaker and a number of others
(seeded choice). "unseen" are the speakers that scripts/calibrate.py did not use. Sessions: each recording of
test/ verified against every speaker of enroll/, from other days, in Mandarin.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from _trials import librispeech, sessions

from streamauth.core.calibration import cosine
from streamauth.core.enrollment import EnrolledUtterance, EnrollmentPlan, EnrollmentSession, voiceprint_of
from streamauth.core.events import Decided, Verdict
from streamauth.core.listening import Models
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples
from streamauth.core.verification import Claim, VerificationSession
from streamauth.core.voice import VoiceSample
from streamauth.engines.loader import Engines
from streamauth.evaluation.metrics import cllr, eer, frr_at_far, wilson
from streamauth.evaluation.replay import FORMAT, CachingEncoder, Probe
from streamauth.settings import Settings

SEED = 21


@dataclass
class Result:
    """Scores and decisions of a set of trials."""

    targets: list[float] = field(default_factory=list)
    nontargets: list[float] = field(default_factory=list)
    target_llrs: list[float] = field(default_factory=list)
    nontarget_llrs: list[float] = field(default_factory=list)
    target_verdicts: list[Verdict] = field(default_factory=list)
    nontarget_verdicts: list[Verdict] = field(default_factory=list)
    speech_s: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Rates; an undecided true speaker counts as refused."""
        refused = sum(verdict is not Verdict.ACCEPT for verdict in self.target_verdicts)
        accepted = sum(verdict is Verdict.ACCEPT for verdict in self.nontarget_verdicts)
        return {
            "n_target": len(self.targets),
            "n_nontarget": len(self.nontargets),
            "n_decided": len(self.target_verdicts) + len(self.nontarget_verdicts),
            "eer": eer(self.targets, self.nontargets),
            "frr_at_far_01": frr_at_far(self.targets, self.nontargets, 0.01),
            "cllr": cllr(self.target_llrs, self.nontarget_llrs),
            "decision_frr": refused / len(self.target_verdicts),
            "decision_frr_interval": wilson(refused, len(self.target_verdicts)),
            "decision_far": accepted / len(self.nontarget_verdicts),
            "decision_far_interval": wilson(accepted, len(self.nontarget_verdicts)),
            "median_speech_s": float(np.median(self.speech_s)),
        }


def enroll(clips: Iterable[Samples], models: Models, settings: Settings) -> Embedding:
    """The voiceprint of recordings, through an enrollment session that takes all of them."""
    session = EnrollmentSession(EnrollmentPlan(text_dependent=False), FORMAT, models, settings)
    for clip in clips:
        session.receive_audio(clip)
        session.end_utterance()
    session.receive_end()
    taken: tuple[EnrolledUtterance, ...] = session.everything
    assert taken, "nothing of the recording was taken"
    return voiceprint_of(taken)


def score(result: Result, voice: VoiceSample, voiceprint: Embedding, same: bool, models: Models) -> None:
    """One comparison over all speech."""
    cos = cosine(voice.embedding, voiceprint)
    (result.targets if same else result.nontargets).append(cos)
    llrs = result.target_llrs if same else result.nontarget_llrs
    llrs.append(models.calibration.llr(cos, voice.speech_s))


def decide(result: Result, probe: Probe, voiceprint: Embedding, same: bool, models: Models, settings: Settings) -> None:
    """One attempt, decided as it would be live."""
    session = VerificationSession(Claim(voiceprint), FORMAT, models, settings, front=probe.front())
    session.receive_audio(b"")
    session.receive_end()
    (decided,) = [event for event in session.events() if isinstance(event, Decided)]
    (result.target_verdicts if same else result.nontarget_verdicts).append(decided.verdict)
    result.speech_s.append(decided.speech_s)


def main() -> None:
    """Run all trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--decisions", type=int, default=40, help="live decisions per recording against others")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = Settings().with_values({"voice": {"encoder": arguments.encoder}}, "--encoder")
    engines = Engines(settings)
    loaded = engines.models(with_words=False)
    models = Models(loaded.detector, CachingEncoder(loaded.encoder), loaded.calibration)
    # all of the audio is to count for the voiceprint, not only the first seconds that would do
    long = settings.with_values({"enrollment": {"text_independent_speech_s": 300}}, "evaluation")

    results: dict[str, Result] = {
        "librispeech, all": Result(),
        "librispeech, unseen": Result(),
        "sessions-zh": Result(),
    }
    clips = [clip for _, clip in librispeech(11.0)]
    prints = [enroll([clip[: 6 * SAMPLE_RATE_HZ]], models, long) for clip in clips]
    probes = [Probe(clip[-5 * SAMPLE_RATE_HZ :], models, settings) for clip in clips]
    rng = np.random.default_rng(SEED)
    for i, probe in enumerate(probes):
        voice = probe.voice()
        assert voice is not None
        decided = {i, *rng.choice(len(prints), arguments.decisions, replace=False)}
        for j, voiceprint in enumerate(prints):
            for name in ["librispeech, all"] + ["librispeech, unseen"] * (i % 2 and j % 2):
                score(results[name], voice, voiceprint, i == j, models)
                if j in decided:
                    decide(results[name], probe, voiceprint, i == j, models, settings)
    recordings = list(sessions())
    names = sorted({name for name, _, _ in recordings})
    people = {
        n: enroll([a for who, part, a in recordings if (who, part) == (n, "enroll")], models, long) for n in names
    }
    for who, part, audio in recordings:
        if part == "test":
            probe = Probe(audio, models, settings)
            voice = probe.voice()
            assert voice is not None
            for name, voiceprint in people.items():
                score(results["sessions-zh"], voice, voiceprint, who == name, models)
                decide(results["sessions-zh"], probe, voiceprint, who == name, models, settings)

    summaries = {name: result.summary() for name, result in results.items()}
    if arguments.json:
        print(json.dumps({"encoder": models.encoder.id, "results": summaries}))
        return
    print(f"encoder {models.encoder.id}, target FAR {settings.decision.target_far:.1%}\n")
    print("| trials | target / non-target | EER | FRR at FAR 1 % | Cllr | decision FRR | decision FAR | speech |")
    print("|---|---|---|---|---|---|---|---|")
    for name, s in summaries.items():
        print(
            f"| {name} | {s['n_target']} / {s['n_nontarget']} | {s['eer']:.2%} | {s['frr_at_far_01']:.2%} "
            f"| {s['cllr']:.3f} | {s['decision_frr']:.2%} | {s['decision_far']:.2%} | {s['median_speech_s']:.1f} s |"
        )


if __name__ == "__main__":
    main()
