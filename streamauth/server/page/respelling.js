/** Pronunciations for people: the dictionary's phones (ARPAbet) as one would spell them. */

/** @type {Record<string, string>} */
const SOUNDS = {
  AA: "ah", AE: "a", AH: "uh", AO: "aw", AW: "ow", AY: "eye", EH: "e", ER: "er", EY: "ay", IH: "i", IY: "ee",
  OW: "oh", OY: "oy", UH: "oo", UW: "oo", CH: "ch", DH: "th", HH: "h", JH: "j", NG: "ng", SH: "sh", TH: "th",
  ZH: "zh", Y: "y", K: "k",
};
const VOWEL = /^[AEIOU]/;

/**
 * Phones with one space between, as syllables: "K EH L V AA N D R OW" is "kel-vahn-droh".
 * @param {string} phones
 * @returns {string}
 */
export function respelled(phones) {
  const all = phones.trim().split(/\s+/).map((phone) => phone.replace(/\d/, ""));
  const vowels = all.flatMap((phone, index) => (VOWEL.test(phone) ? [index] : []));
  // of the consonants between two vowels, the later half begins the next syllable
  const cuts = new Set(vowels.slice(1).map((at, index) => at - Math.ceil((at - vowels[index] - 1) / 2)));
  return all.map((phone, index) => (cuts.has(index) ? "-" : "") + (SOUNDS[phone] ?? phone.toLowerCase())).join("");
}
