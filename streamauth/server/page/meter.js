/** The level meter: a bar for eyes, a value for screen readers, and a hint in words. */

import { find } from "./dom.js";

const FLOOR_DBFS = -60;
const QUIET_DBFS = -45;
const CLIPPED_MS = 1500;
const TOLD_EVERY_MS = 500;
const QUIET_FOR_MS = 2500;

export class Meter {
  #meter = find("meter");
  #fill = find("meter-fill");
  #peak = find("meter-peak");
  #hint = find("meter-hint");
  #held = 0;
  #clippedAt = -Infinity;
  #toldAt = -Infinity;
  #loudAt = 0;

  /** Begin anew. */
  clear() {
    this.#clippedAt = this.#toldAt = -Infinity;
    this.#loudAt = performance.now();
    this.#held = 0;
    this.#show(FLOOR_DBFS, 0, "Waiting for sound", false);
  }

  /** @param {import("./streamauth.js").Level} level */
  push(level) {
    const now = performance.now();
    if (level.clipped) this.#clippedAt = now;
    if (level.rms_dbfs > QUIET_DBFS) this.#loudAt = now;
    this.#held = Math.max(level.peak, this.#held * 0.96);
    const clipped = now - this.#clippedAt < CLIPPED_MS;
    const quiet = now - this.#loudAt > QUIET_FOR_MS;
    const hint = clipped ? "Too loud: step back a little" : quiet ? "Nothing to hear yet" : "Good level";
    this.#show(level.rms_dbfs, this.#held, hint, clipped);
  }

  /**
   * @param {number} rms_dbfs
   * @param {number} peak
   * @param {string} hint
   * @param {boolean} clipped
   */
  #show(rms_dbfs, peak, hint, clipped) {
    const share = Math.max(0, Math.min(1, 1 - rms_dbfs / FLOOR_DBFS));
    const peak_dbfs = 20 * Math.log10(Math.max(peak, 1e-6));
    this.#fill.style.transform = `scaleX(${share.toFixed(3)})`;
    this.#peak.style.left = `${(100 * Math.max(0, Math.min(0.99, 1 - peak_dbfs / FLOOR_DBFS))).toFixed(1)}%`;
    this.#meter.toggleAttribute("data-clipped", clipped);
    const now = performance.now();
    if (now - this.#toldAt < TOLD_EVERY_MS && !clipped) return;
    this.#toldAt = now;
    this.#meter.setAttribute("aria-valuenow", String(Math.round(Math.max(FLOOR_DBFS, Math.min(0, rms_dbfs)))));
    this.#meter.setAttribute("aria-valuetext", hint);
    this.#hint.toggleAttribute("data-bad", clipped);
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
  }
}
