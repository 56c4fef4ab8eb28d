/** How an attempt ended, in words: the verdict, why, and what to do next. */

import { find, make, show } from "./dom.js";
import { figure, reason as sentenceOf, sentence, t } from "./language.js";
import { fillRanking } from "./ranking.js";
import { LANGUAGES } from "./texts.js";

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
    find("again").textContent = t(outcome.decision === "accept" ? "end.onceMore" : "end.again");
    find("reasons").replaceChildren(...outcome.reasons.map(reason));
    if (options.mode === "identify") fillRanking(find("ranking"), outcome.ranking ?? []);
    /** @type {[string, string, string?][]} */
    const figures = [[t("figure.used"), `${figure(outcome.speech_s, 1)} s`]];
    if (typeof outcome.score === "number") figures.push([t("figure.score"), figure(outcome.score, 2)]);
    if (typeof outcome.llr === "number") figures.push([t("figure.llr"), figure(outcome.llr, 1)]);
    if (outcome.phrase?.heard && !outcome.phrase.matched) figures.push([t("figure.heard"), `“${outcome.phrase.heard}”`, "words"]);
    this.#figures(figures);
  }

  /** @param {import("./streamauth.js").StreamAuthError} error */
  showFailure(error) {
    this.#clear();
    this.#head("undecided", own(`head.${error.code}`) ?? t("end.undecided"), sentence(error));
    const steps = own(`do.${error.code}`)?.split("\n");
    const wait = error.code === "attempt_delayed" ? Number(/(\d+) s\b/.exec(error.message)?.[1] ?? 0) : 0;
    if (wait) this.#countDown(wait);
    // trying the same again cannot help where the profile, or the words, must change
    show(find("again"), !SETTLED.has(error.code));
    find("change").className = SETTLED.has(error.code) ? "primary" : "quiet";
    const link = LINKS[error.code];
    show(find("remedy-link"), Boolean(link));
    if (link) find("remedy-link").textContent = t(link);
    if (steps) {
      const list = document.createElement("ol");
      for (const step of steps) list.append(item(step));
      find("remedy").replaceChildren(make("p", t("end.toDo")), list);
    }
    show(find("remedy"), Boolean(steps));
  }

  /**
   * @param {Message} outcome
   * @param {import("./streamauth.js").SessionOptions} options
   */
  #enrolled(outcome, options) {
    this.#head("accept", t("end.enrolled"), t("end.enrolledLead", { name: options.name ?? t("end.thisVoice") }));
    const phrase = outcome.phrase ? t("end.phrase", { phrase: outcome.phrase }) : t("end.noPhrase");
    const line = item(phrase);
    line.toggleAttribute("data-good", true);
    find("reasons").replaceChildren(line);
    this.#figures([
      [t("figure.recordings"), String(outcome.count)],
      [t("figure.speech"), `${figure(outcome.speech_s, 1)} s`],
    ]);
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
      again.textContent = left > 0 ? t("end.againIn", { seconds: left }) : t("end.again");
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
    find("again").textContent = t("end.again");
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
  const name = who ?? t("end.claimed");
  if (outcome.decision === "accept") return [t("end.accept"), t("end.acceptLead", { name })];
  if (outcome.decision === "reject") return [t("end.reject"), t("end.rejectLead", { name })];
  return [t("end.undecided"), t("end.undecidedLead")];
}

/**
 * @param {Message} outcome
 * @returns {[string, string]}
 */
function found(outcome) {
  if (outcome.decision === "accept" && outcome.name) return [outcome.name, t("end.foundLead")];
  if (outcome.decision === "reject") return [t("end.nobody"), t("end.nobodyLead")];
  return [t("end.undecided"), t("end.unnamedLead")];
}

/** @param {string} code */
function reason(code) {
  const element = item(sentenceOf(code));
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
  "consent_missing", "profile_exists", "profile_locked", "unknown_profile", "profile_not_enrolled", "weak_phrase", "unknown_word",
  "bad_phrase", "bad_profile_name", "nobody_to_identify", "forbidden", "unauthorized", "insecure_context",
  "browser_unsupported",
]);

/** Errors whose remedy is under Profiles, and what the link there is called. @type {Record<string, string>} */
const LINKS = { profile_exists: "end.reset", profile_locked: "end.reset", unauthorized: "end.signIn" };

/**
 * A text that only some codes have; null where this one has none.
 * @param {string} key
 */
function own(key) {
  return Object.hasOwn(LANGUAGES.en, key) ? t(key) : null;
}
