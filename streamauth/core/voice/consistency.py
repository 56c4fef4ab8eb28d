"""Speaker consistency along a prompt: a recording beside words in another voice must not pass.

The mean over an attempt tells little of its parts: half of it in the right voice can make up for the rest. So each
window of the encoder must reach a threshold of its own, lower by ``prompt.stretch_margin``, as short windows score with
more noise. Measured with the encoder ge2e on LibriSpeech (2.8 s against 5 s of the same recording), at 2.5 nats:

- no true attempt more of 458 is refused; where all scores lie lower by 2.9 nats, so that the mean refuses 10 %, 1 %
  more are;
- of splices of 2.4 s in the right and 2.4 s in another voice 4 % are accepted, by the mean alone 93 %; of 1.3 s each
  23 % and 71 %, as no window lies wholly in the other voice. Shorter windows do no better at the same cost.
"""

from math import inf

from streamauth.core.audio.quality import Quality
from streamauth.core.decision import Share
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeakerEncoder
from streamauth.core.settings import VoiceSettings
from streamauth.core.voice.pooling import RollingVoice, VoiceSample
from streamauth.core.voice.scoring import Gallery


class SpeakerConsistency:
    """The voice over just those utterances that carry the expected words, as a whole and window by window.

    Holds their audio, so that what turns out to be no part of the words can be taken out again.

    Args:
        encoder: The shared encoder.
        settings: Hop and first score.
    """

    def __init__(self, encoder: SpeakerEncoder, settings: VoiceSettings) -> None:
        self._encoder = encoder
        self._settings = settings
        self._carrying: list[Samples] = []
        self._running: list[Samples] = []
        self._heard = 0
        self._voice = self._anew()

    @property
    def speech_s(self) -> float:
        """Net speech so far, in seconds, whatever was said in it."""
        return self._heard / SAMPLE_RATE_HZ

    @property
    def is_uneven(self) -> bool:
        """As of ``RollingVoice``."""
        return self._voice.is_uneven

    def accept(self, voiced: Samples) -> bool:
        """Take voiced audio, shape (n,) with n at most the hop; tell whether a new window was embedded."""
        self._heard += voiced.size
        self._running.append(voiced)
        return self._voice.accept(voiced)

    def end_utterance(self, share: Share) -> None:
        """The utterance is over, with this share in the expected words."""
        former, running = self._carrying, self._running
        self._running = []
        self._carrying = {Share.NONE: former, Share.FIRST: running, Share.NEXT: former + running}[share]
        if share is Share.NONE or (share is Share.FIRST and former):
            self._voice = self._anew()
            for voiced in self._carrying:
                self._voice.accept(voiced)

    def flush(self) -> bool:
        """Embed what came since the last window, if that is worth it; tell whether anything was embedded."""
        return self._voice.flush()

    def sample(self) -> VoiceSample | None:
        """The voice over all windows, None before the first one."""
        return self._voice.sample()

    def weakest_llr(self, gallery: Gallery, quality: Quality) -> float:
        """The least LLR of any one window against the voiceprints of one person; infinite before the first window."""
        return min((gallery.best(window, quality).llr for window in self._voice.windows()), default=inf)

    def _anew(self) -> RollingVoice:
        return RollingVoice(self._encoder, self._settings)
