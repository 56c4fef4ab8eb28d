/** Claims: the PIN pad on the screen, and readers that type like a keyboard and end with Enter. */

const LONGEST_PIN = 8;
const LONGEST_CODE = 64;
const TYPED_WITHIN_MS = 4000;

export class Pad {
  #dialog;
  #dots;
  #keys;
  #typed = "";
  #code = "";
  #codeAt = 0;
  #claim;
  /** @type {import("./texts.js").Texts | null} */ #texts = null;

  /**
   * @param {{dialog: HTMLDialogElement, dots: HTMLElement, keys: HTMLElement}} parts
   * @param {(text: string) => void} claim Called with what was typed or read.
   */
  constructor({ dialog, dots, keys }, claim) {
    this.#dialog = dialog;
    this.#dots = dots;
    this.#keys = keys;
    this.#claim = claim;
    for (const key of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "erase", "0", "enter"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.key = key;
      button.textContent = key === "erase" ? "⌫" : key === "enter" ? "✓" : key;
      if (key === "enter") button.className = "go";
      button.addEventListener("click", () => this.#press(key));
      keys.append(button);
    }
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {import("./texts.js").Texts} texts */
  speak(texts) {
    this.#texts = texts;
    for (const [key, label] of [["erase", texts.buttons.erase], ["enter", texts.buttons.enter]]) {
      this.#keys.querySelector(`[data-key="${key}"]`)?.setAttribute("aria-label", label);
    }
    this.#show();
  }

  open() {
    this.#typed = "";
    this.#show();
    this.#dialog.showModal();
  }

  close() {
    this.#typed = "";
    this.#dialog.close();
  }

  /** @param {string} key */
  #press(key) {
    if (key === "enter") {
      const typed = this.#typed;
      this.close();
      if (typed) this.#claim(typed);
      return;
    }
    this.#typed = key === "erase" ? this.#typed.slice(0, -1) : (this.#typed + key).slice(0, LONGEST_PIN);
    this.#show();
  }

  #show() {
    this.#dots.textContent = "●".repeat(this.#typed.length);
    const label = this.#texts?.buttons.digits.replace("{count}", String(this.#typed.length)) ?? "";
    this.#dots.setAttribute("aria-label", label);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (this.#dialog.open && /^[0-9]$/.test(event.key)) return this.#press(event.key);
    if (this.#dialog.open && event.key === "Backspace") return this.#press("erase");
    const now = performance.now();
    if (now - this.#codeAt > TYPED_WITHIN_MS) this.#code = "";
    if (event.key === "Enter") {
      const code = this.#dialog.open ? this.#typed : this.#code;
      this.#code = "";
      if (!code) return; // a key of the pad, or a button, that is pressed by keyboard
      event.preventDefault();
      if (this.#dialog.open) this.close();
      this.#claim(code);
    } else if (event.key.length === 1 && !(event.key === " " && !this.#code)) {
      if (event.key === " ") event.preventDefault(); // or it would press the button that has the focus
      this.#code = (this.#code + event.key).slice(0, LONGEST_CODE);
      this.#codeAt = now;
    }
  }
}
