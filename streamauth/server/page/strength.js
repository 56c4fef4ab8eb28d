/** What a phrase is worth, told while it is typed, by the recognizer that will have to hear it. */

import { find } from "./dom.js";
import { sentence, t } from "./language.js";
import { respelled } from "./respelling.js";
import { ask } from "./server.js";
import { whoAmI } from "./sign-in.js";

const PAUSE_MS = 450;

/** Watch the field of the phrase. */
export function watchPhrase() {
  const field = /** @type {HTMLInputElement} */ (find("phrase"));
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    tell("", "");
    if (field.value.trim()) timer = setTimeout(() => void judge(field.value), PAUSE_MS);
  });

  /** @param {string} phrase */
  async function judge(phrase) {
    let worth;
    try {
      // who may not ask is told at the end
      if (!(await whoAmI())?.scopes.includes("enroll")) return;
      worth = await ask("POST", "/v1/phrases", { phrase });
    } catch {
      return; // where the server is gone, the attempt says so
    }
    if (field.value !== phrase) return;
    const sounds = Object.entries(worth.proposed_sounds ?? {}).map(
      ([word, [first]]) => t("worth.unusual", { word, sounds: respelled(first) }),
    );
    const told = worth.reason && sentence({ code: worth.code, message: worth.reason });
    const first = told ?? t(`worth.${worth.strength ?? "known"}`);
    tell([first, ...sounds].join(" "), worth.usable ? (worth.strength ?? "fair") : "weak");
  }
}

/**
 * @param {string} sentence
 * @param {string} level
 */
function tell(sentence, level) {
  const told = find("phrase-worth");
  told.textContent = sentence;
  told.dataset.level = level;
}
