"""What the figures of an evaluation are called and mean, for the table and for the report."""

from typing import Any

MEANINGS: dict[str, tuple[str, str]] = {
    "eer": ("EER", "Error rate at the threshold where as many targets are refused as non-targets accepted."),
    "frr_at_far_01": ("FRR at FAR 1 %", "Targets refused at the threshold that lets 1 % of these non-targets in."),
    "frr_at_far_001": ("FRR at FAR 0.1 %", "The same for 0.1 %."),
    "mindcf_01": (
        "minDCF (prior 0.01)",
        "Least cost if one attempt in 100 is a target's and both errors cost the same; 1 is worth nothing.",
    ),
    "mindcf_05": ("minDCF (prior 0.05)", "The same for five attempts in 100."),
    "actdcf": (
        "actDCF (prior 0.01)",
        "That cost at the threshold that theory gives for an LLR, 4.6; far above minDCF means badly calibrated.",
    ),
    "cllr": ("Cllr", "How good the LLRs are as numbers, in bits, over all thresholds: 0 is perfect, 1 worth nothing."),
    "min_cllr": ("minCllr", "The part of Cllr that no calibration can mend; the rest is lost by calibration."),
    "decision.frr": ("FRR, live decision", "Targets that the live session did not accept, the undecided among them."),
    "decision.far": ("FAR, live decision", "Non-targets that the live session accepted."),
}
"""By name of a figure what it is called, and one sentence on what it says."""

CAPTIONS = {
    "det": "Every threshold is a point: how many impostors it lets in against how many true speakers it refuses. "
    "Nearer to the lower left is better; axes are normal deviates, so that normal scores give a straight line.",
    "calibration": "Left: the scores, and what each of them was worth on these trials; where the step line leaves the "
    "dotted one, the LLR says too much or too little. Right: the rates that thresholds for a wanted FAR really gave.",
    "time": "Net speech that the live session took until it decided.",
    "scores": "The cosines of targets and non-targets.",
}
"""By name of a plot how it is read."""

_SHARES = {"eer", "frr_at_far_01", "frr_at_far_001", "decision.frr", "decision.far"}


def value_of(found: dict[str, Any], name: str) -> float | None:
    """A figure by its name, "decision.far" being inside another."""
    value: Any = found
    for part in name.split("."):
        value = None if value is None else value[part]
    return None if value is None else float(value)


def shown(name: str, value: float) -> str:
    """A figure for people."""
    return f"{value:.2%}" if name in _SHARES else f"{value:.4f}"


def intervals_told(found: dict[str, Any], name: str) -> str:
    """Its confidence interval, empty where there is none."""
    ends = found["intervals"].get(name)
    return "" if ends is None else f"{shown(name, ends[0])} to {shown(name, ends[1])}"


def table(found: dict[str, Any]) -> str:
    """The figures as lines of text, with their intervals."""
    lines = [
        f"{found['n_target']} target and {found['n_nontarget']} non-target trials over {found['n_files']} files",
        f"{found['scoring']} scoring, encoder {found['encoder']}",
        "",
    ]
    for name, (label, _) in MEANINGS.items():
        value = value_of(found, name)
        if value is not None:
            lines.append(f"{label:<22}{shown(name, value):>9}   {intervals_told(found, name)}".rstrip())
    if (point := found["operating_point"]) is not None:
        aim = "the prior" if point["target_far"] is None else f"FAR {point['target_far']:.2%}"
        lines += [
            "",
            f"At the threshold for {aim} (LLR {point['threshold']:+.2f}), all speech heard:",
            f"  FAR {point['far']:.2%}, FRR {point['frr']:.2%}",
        ]
    if (decision := found["decision"]) is not None:
        lines += [
            "Live, targets and non-targets:",
            f"  undecided {decision['undecided_target']:.2%} and {decision['undecided_nontarget']:.2%}",
            f"  median speech to the decision {seconds(decision['median_speech_s_target'])} and "
            f"{seconds(decision['median_speech_s_nontarget'])}",
        ]
    for kind, each in (found["by_class"] or {}).items():
        accepted = "" if each["far"] is None else f"accepted live {each['far']:.2%}, "
        lines.append(f"{kind}: {each['n']} trials, {accepted}EER against TC {each['eer']:.2%}")
    for group, rates in found["by_group"].items():
        lines.append(f"Group {group}: live FRR {_told(rates['frr'])}; live FAR {_told(rates['far'])}")
    for condition, rate in found["iapar"].items():
        lines.append(f"Recordings presented, {condition}: accepted live (IAPAR) {_told(rate)}")
    if found["n_failed_enrol"] or found["n_failed_test"]:
        lines += [
            f"No score: {found['n_failed_enrol']} enrollments and {found['n_failed_test']} tested files failed.",
            f"  {found['n_failed_trials_target']} target and {found['n_failed_trials_nontarget']} non-target trials "
            "count as never accepted",
        ]
    return "\n".join(lines)


def _told(share: dict[str, Any]) -> str:
    if share["rate"] is None:
        return "of no trial"
    low, high = share["interval"]
    return f"{share['rate']:.2%} of {share['n']} ({low:.2%} to {high:.2%})"


def seconds(value: float | None) -> str:
    """A length of time for people."""
    return "none" if value is None else f"{value:.1f} s"
