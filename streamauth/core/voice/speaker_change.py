"""Is it still the same voice? Notices a change of speaker in a running stream.

Page's cumulative sum (E. S. Page, "Continuous inspection schemes", Biometrika 1954): evidence of the other case is
added up window by window and never falls under nothing, so that a long time in one voice does not delay the notice of
another. Windows overlap: each counts for the part of it that is new.
"""

from streamauth.core.events import Verdict


class SpeakerChangeDetector:
    """Follows one stream, from an accept on.

    Args:
        leave_llr: Evidence of another voice that ends the accept, in nats.
        return_llr: Evidence of the enrolled voice that gives it back, in nats.

    Attributes:
        verdict: On the voice of now.
        evidence: For the other verdict, in nats, at least 0.
    """

    def __init__(self, leave_llr: float, return_llr: float) -> None:
        self._bounds = {Verdict.ACCEPT: leave_llr, Verdict.REJECT: return_llr}
        self.evidence = 0.0
        self.verdict = Verdict.ACCEPT

    def add(self, llr: float, fresh: float) -> Verdict | None:
        """Take the next window; give the verdict where it changes.

        Args:
            llr: LLR of the window alone, in nats.
            fresh: Part of it that the window before did not hold, in [0, 1].
        """
        against = -llr if self.verdict is Verdict.ACCEPT else llr
        self.evidence = max(0.0, self.evidence + fresh * against)
        if self.evidence < self._bounds[self.verdict]:
            return None
        self.evidence = 0.0
        self.verdict = Verdict.REJECT if self.verdict is Verdict.ACCEPT else Verdict.ACCEPT
        return self.verdict
