/** How an attempt ended, in words: the verdict, why, and what to do next. */

import { find, make, show } from "./dom.js";
import { fillRanking } from "./ranking.js";
import { reasonText } from "./streamauth.js";

/** @typedef {import("./streamauth.js").Message} Message */

/** The panel of the outcome. */
export class Outcome {
  #timer = 0;

  /**
   * @param {Message} outcome
   * @param {import("./streamauth.js").SessionOptions} options
   */
  show(outcome, options) {
    this.#clear();
    if (outcome.type === "enrolled") {
      this.#enrolled(outcome, options);
      return;
    }
    const who = options.mode === "identify" ? outcome.name : options.name;
    const [heading, lead] = options.mode === "identify" ? found(outcome) : verified(outcome, who);
    this.#head(outcome.decision, heading, lead);
    find("again").textContent = outcome.decision === "accept" ? "Once more" : "Try again";
    find("reasons").replaceChildren(...outcome.reasons.map(reason));
    if (options.mode === "identify") fillRanking(find("ranking"), outcome.ranking ?? []);
    /** @type {[string, string, string?][]} */
    const figures = [["Speech used", `${outcome.speech_s.toFixed(1)} s`]];
    if (typeof outcome.score === "number") figures.push(["Similarity", outcome.score.toFixed(2)]);
    if (typeof outcome.llr === "number") figures.push(["Evidence (LLR)", outcome.llr.toFixed(1)]);
    if (outcome.phrase?.heard && !outcome.phrase.matched) figures.push(["Heard", `“${outcome.phrase.heard}”`, "words"]);
    this.#figures(figures);
  }

  /** @param {import("./streamauth.js").StreamAuthError} error */
  showFailure(error) {
    this.#clear();
    const unheard = HEADINGS[error.code];
    this.#head("undecided", unheard ?? "Undecided.", error.message);
    const steps = REMEDIES[error.code];
    const wait = error.code === "attempt_delayed" ? Number(/(\d+) s\b/.exec(error.message)?.[1] ?? 0) : 0;
    if (wait) this.#countDown(wait);
    // trying the same again cannot help where the profile, or the words, must change
    show(find("again"), !SETTLED.has(error.code));
    find("change").className = SETTLED.has(error.code) ? "primary" : "quiet";
    show(find("remedy-link"), error.code === "profile_exists" || error.code === "profile_locked");
    if (steps) {
      const list = document.createElement("ol");
      for (const step of steps) list.append(item(step));
      find("remedy").replaceChildren(make("p", "What to do:"), list);
    }
    show(find("remedy"), Boolean(steps));
  }

  /**
   * @param {Message} outcome
   * @param {import("./streamauth.js").SessionOptions} options
   */
  #enrolled(outcome, options) {
    this.#head("accept", "Enrolled.", `From now on ${options.name ?? "this voice"} can be verified here.`);
    const phrase = outcome.phrase ? `The pass phrase is “${outcome.phrase}”.` : "No pass phrase is needed: any words will do.";
    const line = item(phrase);
    line.toggleAttribute("data-good", true);
    find("reasons").replaceChildren(line);
    this.#figures([["Recordings", String(outcome.count)], ["Speech", `${outcome.speech_s.toFixed(1)} s`]]);
    show(find("onward"), true);
    for (const id of ["again", "change"]) show(find(id), false);
  }

  /** @param {number} seconds Until the next attempt may begin. */
  #countDown(seconds) {
    const again = /** @type {HTMLButtonElement} */ (find("again"));
    const until = performance.now() + 1000 * seconds;
    const tick = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      again.disabled = left > 0;
      again.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
      if (left <= 0) clearInterval(this.#timer);
    };
    tick();
    this.#timer = setInterval(tick, 250);
  }

  #clear() {
    clearInterval(this.#timer);
    /** @type {HTMLButtonElement} */ (find("again")).disabled = false;
    find("change").className = "quiet";
    show(find("remedy-link"), false);
    for (const id of ["ranking", "figures", "remedy"]) show(find(id), false);
    find("reasons").replaceChildren();
    show(find("onward"), false);
    for (const id of ["again", "change"]) show(find(id), true);
    find("again").textContent = "Try again";
  }

  /**
   * @param {string} verdict
   * @param {string} heading
   * @param {string} lead
   */
  #head(verdict, heading, lead) {
    find("verdict").dataset.verdict = verdict;
    find("verdict").textContent = heading;
    find("verdict-lead").textContent = lead;
    find("status").textContent = "";
  }

  /** @param {[string, string, string?][]} figures */
  #figures(figures) {
    const entries = figures.map(([term, value, kind]) => {
      const group = make("div", "");
      group.append(make("dt", term), make("dd", value, kind));
      return group;
    });
    find("figures").replaceChildren(...entries);
    show(find("figures"), true);
  }
}

/**
 * @param {Message} outcome
 * @param {string | undefined} who
 * @returns {[string, string]}
 */
function verified(outcome, who) {
  const name = who ?? "the claimed person";
  if (outcome.decision === "accept") return ["Accepted.", `This is ${name}.`];
  if (outcome.decision === "reject") return ["Not accepted.", `This could not be shown to be ${name}.`];
  return ["Undecided.", "There was not enough to go by. Nothing was accepted."];
}

/**
 * @param {Message} outcome
 * @returns {[string, string]}
 */
function found(outcome) {
  if (outcome.decision === "accept" && outcome.name) return [outcome.name, "This is who it sounds like."];
  if (outcome.decision === "reject") return ["Nobody known.", "Nobody was named."];
  return ["Undecided.", "There was not enough to go by. Nobody was named."];
}

/** @param {string} code */
function reason(code) {
  const element = item(reasonText(code));
  const good = code.endsWith("_match");
  element.toggleAttribute("data-good", good);
  element.toggleAttribute("data-bad", !good);
  return element;
}

/** @param {string} text */
function item(text) {
  const element = make("li", "");
  element.append(make("span", text));
  return element;
}

/** Errors after which the same attempt would end in the same way. */
const SETTLED = new Set([
  "profile_exists", "profile_locked", "unknown_profile", "profile_not_enrolled", "weak_phrase", "unknown_word",
  "bad_phrase", "bad_profile_name", "nobody_to_identify", "forbidden", "insecure_context", "browser_unsupported",
]);

/** Errors that came before anything was heard: there is nothing to be undecided about. @type {Record<string, string>} */
const HEADINGS = {
  permission_denied: "The microphone is blocked.",
  no_microphone: "No microphone found.",
  microphone_busy: "The microphone is taken.",
  insecure_context: "Not over this connection.",
  browser_unsupported: "Not with this browser.",
  server_unreachable: "No connection.",
  server_busy: "The server is full.",
  unknown_profile: "Nobody of that name.",
  profile_not_enrolled: "Not enrolled yet.",
  profile_exists: "Already enrolled.",
  profile_locked: "Locked.",
  attempt_delayed: "Not so fast.",
  weak_phrase: "Another phrase, please.",
  unknown_word: "Another phrase, please.",
  bad_phrase: "Another phrase, please.",
  nobody_to_identify: "Nobody enrolled yet.",
  unauthorized: "A session token is needed.",
  session_token_refused: "This token is not valid.",
  forbidden: "Not allowed.",
};

/** @type {Record<string, string[]>} */
const REMEDIES = {
  permission_denied: [
    "Select the icon at the left of the address, or the microphone sign at its right.",
    "Set Microphone to Allow for this page.",
    "Come back here and press Try again. If it is not listed, the system's own privacy settings block the browser.",
  ],
  no_microphone: [
    "Connect a microphone or a headset.",
    "Check in the system's sound settings that it is listed as an input.",
    "Press Try again.",
  ],
  unauthorized: [
    "Ask who runs this server for a session token.",
    "Press Change the details, and put it under Microphone and safety.",
  ],
  unknown_profile: ["Check the name for a slip of the pen.", "Or enroll this voice first, under Enroll above."],
  profile_not_enrolled: ["Finish the enrollment under Enroll above, with the same name."],
  nobody_to_identify: ["Enroll somebody first, under Enroll above."],
  profile_exists: [
    "To check the voice, choose Verify above.",
    "To teach it anew, reset it under Profiles above, then enroll again. Where you may not, ask who runs this server.",
  ],
  profile_locked: ["Who runs this server can unlock it under Profiles above."],
  server_unreachable: ["Check that the server runs and the network is there.", "Press Try again."],
  session_token_refused: ["Ask for another token: each is good for one attempt and a short time."],
};
