"""Error rates of the shipped product on recordings of real people, through its own sessions.

    python -m scripts.measure.evaluate [--encoder NAME] [--against ge2e] [--claims 20] [--json]

LibriSpeech, speakers of the part "unseen", of whom nothing was fitted: of each clip of 11 s or more the first 6 s
enroll text-independently and the next 6 s are the probe, as they are and under each condition of
``streamauth.evaluation.conditions.EVALUATED``; all against all.

- fixed length: the LLR after 3.0 and 1.6 s of net speech, beside the bare cosine of the encoder ``--against``; pooled
  means all conditions together, one threshold for all;
- attempts: whole verification sessions, decided as they would be live, for the true speaker and so many others;
- change: continuous sessions in which, after the true speaker, another one goes on talking, and such in which nobody
  does;
- sessions-zh: every recording of test/ against every speaker of enroll/, from other days, in Mandarin.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scripts.measure.trials import ENROLL, PROBE, librispeech, sessions
from streamauth.core.events import Decided, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples, Voiceprint
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrolled import EnrolledUtterance, voiceprint_of
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.calibration import cosine
from streamauth.core.voice.operating_point import target_far
from streamauth.core.voice.scoring import Gallery
from streamauth.engines.loader import Engines
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.evaluation.fitting import uncalibrated
from streamauth.evaluation.metrics import cllr, eer, frr_at_far, min_cllr, wilson
from streamauth.evaluation.replay import FORMAT, CachingEncoder, Look, Probe
from streamauth.settings import Settings

LENGTHS_S = (3.0, 1.6)
SEED = 21
Row = dict[str, float]
Values = NDArray[np.float64]


@dataclass
class Attempts:
    """Outcomes of whole sessions."""

    target: list[Decided] = field(default_factory=list)
    nontarget: list[Decided] = field(default_factory=list)

    def summary(self) -> Row:
        """Rates; a true speaker who is left undecided counts as refused."""
        refused = sum(decided.verdict is not Verdict.ACCEPT for decided in self.target)
        accepted = sum(decided.verdict is Verdict.ACCEPT for decided in self.nontarget)
        return {
            "n_target": len(self.target),
            "n_nontarget": len(self.nontarget),
            "frr": refused / len(self.target),
            "frr_low": wilson(refused, len(self.target))[0],
            "frr_high": wilson(refused, len(self.target))[1],
            "undecided": float(np.mean([decided.verdict is Verdict.UNDECIDED for decided in self.target])),
            "far": accepted / len(self.nontarget),
            "far_low": wilson(accepted, len(self.nontarget))[0],
            "far_high": wilson(accepted, len(self.nontarget))[1],
            "median_speech_s_target": float(np.median([decided.speech_s for decided in self.target])),
            "median_speech_s_nontarget": float(np.median([decided.speech_s for decided in self.nontarget])),
        }


def enroll(clips: Iterable[Samples], models: Models, settings: Settings) -> Voiceprint:
    """The voiceprint of recordings, through an enrollment session that takes all of them."""
    # all of the audio is to count, not only the first seconds that would do
    settings = settings.with_values({"enrollment": {"text_independent_speech_s": 300}}, "evaluation")
    session = EnrollmentSession(EnrollmentPlan(text_dependent=False), FORMAT, models, settings)
    for clip in clips:
        session.receive_audio(clip)
        session.end_utterance()
    session.receive_end()
    taken: tuple[EnrolledUtterance, ...] = session.everything
    assert taken, "nothing of the recording was taken"
    return voiceprint_of(taken)


def attempt(probe: Probe, voiceprint: Voiceprint, models: Models, settings: Settings) -> Decided:
    """One attempt, decided as it would be live."""
    session = VerificationSession(Claim(voiceprint), FORMAT, models, settings, front=probe.front())
    session.receive_audio(b"")
    session.receive_end()
    (decided,) = [event for event in session.events() if isinstance(event, Decided)]
    return decided


def rejected_after(first: Samples, then: Samples, voiceprint: Voiceprint, models: Models, settings: Settings) -> float:
    """Net speech of ``then``, in s, before a continuous session that accepted ``first`` rejects; else infinite.

    Raises:
        ValueError: The session did not accept ``first``, or rejected it.
    """
    session = ContinuousSession(Claim(voiceprint), FORMAT, models, settings)
    heard_s, verdict = 0.0, None
    for audio in (first, then):
        if audio is then and verdict is not Verdict.ACCEPT:
            raise ValueError("not accepted")
        for frame in np.split(audio, range(800, audio.size, 800)):
            session.receive_audio(frame)
            for event in session.events():
                if isinstance(event, Decided):
                    verdict = event.verdict
            if audio is then:
                # every frame counts as speech: the clips hardly pause, and those pauses count against us
                heard_s += frame.size / SAMPLE_RATE_HZ
                if verdict is Verdict.REJECT:
                    return heard_s
    return float("inf")


def _rates(target: Values, nontarget: Values) -> Row:
    return {"eer": eer(target, nontarget), "frr_at_far_01": frr_at_far(target, nontarget, 0.01)}


def by_length(
    probes: dict[str, list[Probe]], scored: Callable[[Look], Iterable[float]]
) -> dict[str, dict[str, tuple[Values, Values]]]:
    """(target, non-target) scores by length of speech, then condition; all conditions together are "pooled"."""
    result = {}
    for length_s in LENGTHS_S:
        rows = {}
        for name, heard in probes.items():
            looks = [(mine, look) for mine, probe in enumerate(heard) if (look := probe.heard(length_s)) is not None]
            values = np.array([list(scored(look)) for _, look in looks])
            same = np.array([[mine] for mine, _ in looks]) == np.arange(len(heard))
            rows[name] = values[same], values[~same]
        target, nontarget = (np.concatenate(each) for each in zip(*rows.values(), strict=True))
        result[f"{length_s:g} s"] = rows | {"pooled": (target, nontarget)}
    return result


def fixed_lengths(
    probes: dict[str, list[Probe]], voiceprints: Sequence[Voiceprint], models: Models, far: float
) -> dict[str, dict[str, Row]]:
    """Rates of LLRs, by length, then condition."""
    gallery = Gallery(voiceprints, models.calibration)
    threshold = models.calibration.threshold(far)

    def row(target: Values, nontarget: Values) -> Row:
        measured = {"cllr": cllr(target, nontarget), "min_cllr": min_cllr(target, nontarget)}
        return _rates(target, nontarget) | measured | {"far_at_target": float(np.mean(nontarget >= threshold))}

    found = by_length(probes, lambda look: (one.llr for one in gallery.compare(look.voice, look.quality)))
    return {length: {name: row(*scores) for name, scores in rows.items()} for length, rows in found.items()}


def plain_cosine(probes: dict[str, list[Probe]], voiceprints: Sequence[Embedding]) -> dict[str, dict[str, Row]]:
    """Rates of bare cosines, likewise."""
    found = by_length(probes, lambda look: (cosine(look.voice.embedding, voiceprint) for voiceprint in voiceprints))
    return {length: {name: _rates(*scores) for name, scores in rows.items()} for length, rows in found.items()}


def attempts_of(
    probes: dict[str, list[Probe]], voiceprints: Sequence[Voiceprint], models: Models, settings: Settings, claims: int
) -> dict[str, Attempts]:
    """Whole sessions by condition, and pooled."""
    rng = np.random.default_rng(SEED)
    result = {name: Attempts() for name in (*probes, "pooled")}
    for name, heard in probes.items():
        for mine, probe in enumerate(heard):
            others = rng.permutation([number for number in range(len(voiceprints)) if number != mine])[:claims]
            for number in (mine, *others.tolist()):
                decided = attempt(probe, voiceprints[number], models, settings)
                for group in (result[name], result["pooled"]):
                    (group.target if number == mine else group.nontarget).append(decided)
    return result


def changes(
    clips: dict[str, list[Samples]], voiceprints: Sequence[Voiceprint], models: Models, settings: Settings
) -> dict[str, Row]:
    """Continuous sessions by condition: how soon another speaker is noticed, and how often one is imagined."""
    result: dict[str, Row] = {}
    for name, heard in clips.items():
        delays: list[float] = []
        alarms, hours = 0, 0.0
        for mine, clip in enumerate(heard):
            other = heard[(mine + 1) % len(heard)]
            try:
                delays.append(rejected_after(clip, other, voiceprints[mine], models, settings))
                own = np.tile(clip, 3)
                after_s = rejected_after(clip, own, voiceprints[mine], models, settings)
            except ValueError:
                continue
            alarms += after_s < np.inf
            hours += min(after_s, own.size / SAMPLE_RATE_HZ) / 3600
        result[name] = {
            "sessions": len(delays),
            "median_s": float(np.median(delays)),
            "noticed_in_6_s": float(np.mean(np.array(delays) < 6.0)),
            "false_alarms": alarms,
            "hours": hours,
        }
    return result


def measure(encoder: str, against: str, claims: int) -> dict[str, object]:
    """Everything."""
    settings = Settings().with_values({"voice": {"encoder": encoder}}, "--encoder")
    loaded = Engines(settings).models(with_words=False)
    models = Models(loaded.detector, CachingEncoder(loaded.encoder), loaded.calibration)
    rng = np.random.default_rng(SEED)
    whole = [clip for _, clip in librispeech(11.0, "unseen")]
    clips = {name: [degrade(name, clip[PROBE], rng, whole) for clip in whole] for name in EVALUATED}
    voiceprints = [enroll([clip[ENROLL]], models, settings) for clip in whole]
    probes = {name: [Probe(clip, models, settings) for clip in heard] for name, heard in clips.items()}

    plain = Engines(settings.with_values({"voice": {"encoder": against}}, "--against")).encoder()
    bare = Models(loaded.detector, CachingEncoder(plain), uncalibrated(plain.id))
    enrolled = [Probe(clip[ENROLL], bare, settings).voice() for clip in whole]
    prints = [voice.embedding for voice in enrolled if voice is not None]
    assert len(prints) == len(whole)
    plainly = {name: [Probe(clip, bare, settings) for clip in heard] for name, heard in clips.items()}

    found = attempts_of(probes, voiceprints, models, settings, claims)
    recordings = list(sessions())
    names = sorted({name for name, _, _ in recordings})
    enrolling = {name: [audio for who, part, audio in recordings if (who, part) == (name, "enroll")] for name in names}
    people = {name: enroll(audio, models, settings) for name, audio in enrolling.items()}
    mandarin = Attempts()
    for who, part, audio in recordings:
        if part == "test":
            probe = Probe(audio, models, settings)
            for name, voiceprint in people.items():
                group = mandarin.target if name == who else mandarin.nontarget
                group.append(attempt(probe, voiceprint, models, settings))
    return {
        "encoder": models.encoder.id,
        "against": plain.id,
        "speakers": len(whole),
        "target_far": target_far(settings.decision),
        "plain": plain_cosine(plainly, prints),
        "fixed": fixed_lengths(probes, voiceprints, models, target_far(settings.decision)),
        "attempts": {name: group.summary() for name, group in found.items()} | {"sessions-zh": mandarin.summary()},
        "change": changes(clips, voiceprints, models, settings),
    }


def report(found: dict[str, object]) -> None:
    """The tables."""
    print(f"encoder {found['encoder']}, {found['speakers']} speakers, target FAR {found['target_far']:.1%}\n")
    plain, fixed, attempts, change = (dict(found[key]) for key in ("plain", "fixed", "attempts", "change"))  # type: ignore[call-overload]
    for length, rows in fixed.items():
        print(f"| {length} of speech | plain cosine: EER | FRR at FAR 1 % | EER | FRR at FAR 1 % | actual FAR |")
        print("|---|---|---|---|---|---|")
        for name, row in rows.items():
            old = plain[length][name]
            print(
                f"| {name} | {old['eer']:.2%} | {old['frr_at_far_01']:.1%} | {row['eer']:.2%} "
                f"| {row['frr_at_far_01']:.1%} | {row['far_at_target']:.2%} |"
            )
        pooled = rows["pooled"]
        print(f"\nCllr {pooled['cllr']:.3f}, least possible {pooled['min_cllr']:.3f}\n")
    print("| whole attempts | FRR | of these undecided | FAR | median speech: true speaker | impostor |")
    print("|---|---|---|---|---|---|")
    for name, row in attempts.items():
        print(
            f"| {name} ({row['n_target']} / {row['n_nontarget']}) "
            f"| {row['frr']:.1%} ({row['frr_low']:.1%} to {row['frr_high']:.1%}) | {row['undecided']:.1%} "
            f"| {row['far']:.2%} ({row['far_low']:.2%} to {row['far_high']:.2%}) "
            f"| {row['median_speech_s_target']:.1f} s | {row['median_speech_s_nontarget']:.1f} s |"
        )
    print("\n| change of speaker | noticed after (median) | within 6 s | false alarms |\n|---|---|---|---|")
    for name, row in change.items():
        print(
            f"| {name} ({row['sessions']}) | {row['median_s']:.1f} s | {row['noticed_in_6_s']:.0%} "
            f"| {row['false_alarms']} in {row['hours']:.2f} h |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--against", default="ge2e", help="encoder whose bare cosine is shown beside")
    parser.add_argument("--claims", type=int, default=20, help="others that each probe is tried against live")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.encoder, arguments.against, arguments.claims)
    print(json.dumps(found)) if arguments.json else report(found)


if __name__ == "__main__":
    main()
