/** Everything that is said to people, in five languages; what a table lacks is said in English. */

import { reasonText } from "./reasons.js";
import de from "./texts/de.js";
import en from "./texts/en.js";
import es from "./texts/es.js";
import fr from "./texts/fr.js";
import zh from "./texts/zh.js";

/** @type {Readonly<Record<string, Record<string, string>>>} */
export const LANGUAGES = Object.freeze({ en, de, fr, es, zh });

/**
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Say
 *   Gives a text with its places filled in; numbers are written as the language writes them.
 */

/**
 * The first of some languages that there is; English if there is none.
 * @param {readonly string[]} wanted As browsers name them, such as "de-AT".
 */
export function known(wanted) {
  const codes = wanted.map((code) => code.toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/**
 * @param {string} language One of LANGUAGES.
 * @returns {Say}
 */
export function texts(language) {
  const table = LANGUAGES[language];
  return (key, values = {}) => {
    const text = table[key] ?? en[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return typeof value === "number" ? value.toLocaleString(language) : (value ?? whole);
    });
  };
}

/**
 * The sentence of a reason.
 * @param {string} language
 * @param {string} code
 */
export function reasonIn(language, code) {
  return LANGUAGES[language][`reason.${code}`] ?? reasonText(code);
}

/**
 * The sentence of an error: the page's, or in English the server's own, unless it names commands of its terminal.
 * @param {string} language
 * @param {{code: string, message: string}} error
 */
export function errorIn(language, { code, message }) {
  const own = LANGUAGES[language][`error.${code}`] ?? (language === "en" && !message.includes("`") ? message : null);
  return (own ?? texts(language)("error.other", { code })).replace("{seconds}", /(\d+) s\b/.exec(message)?.[1] ?? "…");
}
