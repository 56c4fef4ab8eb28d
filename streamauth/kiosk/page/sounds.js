/** Short tones that tell the answer to who does not look. The same for all people, always. */

/** @type {Record<string, [number, number][]>} Frequency in Hz and begin in seconds of each tone. */
const TONES = {
  listening: [[660, 0]],
  say: [[660, 0]],
  welcome: [[660, 0], [880, 0.13], [1320, 0.26]],
  again: [[440, 0], [440, 0.22]],
  ring: [[523, 0], [415, 0.2]],
  closed: [[330, 0], [330, 0.3]],
  exit: [[988, 0], [740, 0.3], [988, 0.6], [740, 0.9]],
};
const LENGTH_S = 0.16;
const GAIN = 0.22;

/** @type {AudioContext | null} */
let context = null;

/** @param {string} view */
export function play(view) {
  const tones = TONES[view];
  if (!tones) return;
  try {
    context ??= new AudioContext();
  } catch {
    return; // no sound card: the light says it too
  }
  if (context.state === "suspended") void context.resume();
  for (const [hz, begin_s] of tones) {
    const at = context.currentTime + 0.02 + begin_s;
    const gain = new GainNode(context, { gain: 0 });
    const tone = new OscillatorNode(context, { frequency: hz, type: "sine" });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(GAIN, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.001, at + LENGTH_S);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + LENGTH_S);
  }
}
