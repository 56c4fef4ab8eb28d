/** The reasons of a decision or of a refused utterance, as sentences to the person who spoke. */

/** @type {Readonly<Record<string, string>>} */
export const REASONS = Object.freeze({
  not_accepted: "Not accepted. Try again.",
  voice_match: "The voice matches.",
  voice_mismatch: "The voice does not match the enrolled one.",
  voice_unsure: "The voice may be the enrolled one, but too little speaks for it. Try in a quieter place.",
  phrase_match: "The pass phrase is right.",
  phrase_mismatch: "Those were other words than the pass phrase.",
  phrase_incomplete: "The pass phrase was not said to its end.",
  prompt_match: "The shown words were said.",
  prompt_mismatch: "Those were other words than the ones shown.",
  prompt_incomplete: "The shown words were not said to their end.",
  prompt_expired: "The shown words were not said in time.",
  heard_before: "This recording was heard before. Speak live.",
  voice_changed: "The words were not all said in the same voice.",
  nobody: "This voice is none of the enrolled ones.",
  no_speech: "No speech was heard. Speak towards the microphone.",
  too_little_speech: "There was too little speech to be sure. Speak a little longer.",
  speech_budget_spent: "It took more speech than one attempt may have.",
  time_budget_spent: "It took more time than one attempt may have.",
  digital_silence: "The microphone gives nothing at all. Is it muted or unplugged?",
  too_quiet: "That was too quiet. Come closer or raise the input level.",
  clipped: "That was too loud and is distorted. Step back or lower the input level.",
  too_noisy: "There is too much noise. Find a quieter place.",
  dc_offset: "The microphone's signal is shifted. Check the sound card or its cable.",
  other_sound: "Another sound, such as tones, ringing or music, is nearly as loud as the speech. Wait until it is over, or turn it off.",
  other_rate: "This sounds slowed down or sped up. The sample rate of the sound may be declared wrongly.",
  weak_phrase: "This phrase is too short or too easy to guess. Choose another one.",
  other_phrase: "Those were other words than before. Say the same phrase each time.",
  pronunciation_mismatch: "An unusual word was not said as it is spelled. Say it so, or choose another word.",
  other_voice: "This does not sound like the voice of the other recordings.",
  quieter_place: "The enrollment is noisy. In a quieter place it would be surer.",
  one_more_utterance: "The recordings differ, or are too few to tell how sure it is. If verifying is often refused, reset and enroll again in one place.",
  interrupted: "The attempt was interrupted before it was decided.",
  engine_failed: "A speech engine failed. The attempt was ended.",
});

/**
 * The sentence of a reason.
 * @param {string} code
 * @returns {string}
 */
export function reasonText(code) {
  return REASONS[code] ?? `Reason: ${code.replaceAll("_", " ")}.`;
}
