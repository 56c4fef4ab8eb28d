/** The language of the page: the browser's, until the person chooses another one. */

import { errorIn, known, LANGUAGES, reasonIn, texts } from "./texts.js";

const REMEMBERED = "streamauth.language";

let language = known([remembered(), ...navigator.languages]);
let say = texts(language);

/**
 * A text of the page, see ``Say``.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values) {
  return say(key, values);
}

/** @param {string} code Of a reason. */
export function reason(code) {
  return reasonIn(language, code);
}

/** @param {{code: string, message: string}} error */
export function sentence(error) {
  return errorIn(language, error);
}

/**
 * A number with so many digits after its point, or comma.
 * @param {number} value
 * @param {number} digits
 */
export function figure(value, digits) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * Put a text into an element, with other elements at some of its places.
 * @param {HTMLElement} element
 * @param {string} text
 * @param {Record<string, HTMLElement>} parts By the names of their places.
 */
export function fill(element, text, parts) {
  const pieces = text.split(/(\{\w+\})/).map((piece) => parts[piece.slice(1, -1)] ?? piece);
  element.replaceChildren(...pieces);
}

/** Say all that stands in the page from its begin on in its language. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.getAttribute("data-t") ?? "");
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.getAttribute("data-t-label") ?? ""));
  }
}

/**
 * The switch of the language.
 * @param {HTMLSelectElement} select
 * @param {() => void} changed Called after a change.
 */
export function offerLanguages(select, changed) {
  const options = Object.entries(LANGUAGES).map(([code, table]) => {
    const option = new Option(table.own, code);
    option.lang = code;
    return option;
  });
  select.replaceChildren(...options);
  select.value = language;
  select.addEventListener("change", () => {
    language = known([select.value]);
    say = texts(language);
    try {
      localStorage.setItem(REMEMBERED, language);
    } catch {
      // then it is the browser's again next time
    }
    translate();
    changed();
  });
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return ""; // storage is blocked
  }
}
