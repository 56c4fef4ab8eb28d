/** Words to be said, which light up as they are heard. */

export class SpokenWords {
  #element;
  /** @type {HTMLElement[]} */ #words = [];

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} text
   * @param {{told: boolean}} options Whether this is an instruction, and not the words themselves.
   */
  show(text, { told }) {
    this.#element.classList.toggle("told", told);
    this.#words = text.split(/\s+/).filter(Boolean).map((word) => {
      const span = document.createElement("span");
      span.textContent = word;
      return span;
    });
    this.#element.replaceChildren(...this.#words.flatMap((word, index) => (index ? [" ", word] : [word])));
    this.#element.hidden = this.#words.length === 0;
  }

  /** @param {string} text Words heard in this utterance so far. */
  heard(text) {
    if (this.#element.classList.contains("told")) return;
    const heard = text.toLowerCase().split(/\s+/);
    let at = 0;
    // in their order; a word that was missed keeps those after it dark
    for (const span of this.#words) {
      const found = heard.indexOf(plain(span.textContent ?? ""), at);
      span.toggleAttribute("data-heard", found >= 0 && at >= 0);
      at = found < 0 ? Infinity : found + 1;
    }
  }
}

/** @param {string} word */
function plain(word) {
  return word.toLowerCase().replace(/[^\p{L}\p{N}']/gu, "");
}
