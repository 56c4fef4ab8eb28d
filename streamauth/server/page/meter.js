/** The level meter: a bar for eyes, a value for screen readers, and a hint in words. */

import { find } from "./dom.js";
import { t } from "./language.js";

const FLOOR_DBFS = -60;
// frames of a voice whose mean level is -45 dB of full scale or less stay below
const QUIET_DBFS = -37;
const SILENT_DBFS = -70;
const SILENT_FOR_MS = 6000;
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
  #heardAt = 0;

  /** Begin anew. */
  clear() {
    this.#clippedAt = this.#toldAt = -Infinity;
    this.#loudAt = this.#heardAt = performance.now();
    this.#held = 0;
    this.#show(FLOOR_DBFS, 0, t("meter.waiting"), false);
  }

  /** @param {import("./streamauth.js").Level} level */
  push(level) {
    const now = performance.now();
    if (level.clipped) this.#clippedAt = now;
    if (level.rms_dbfs > QUIET_DBFS) this.#loudAt = now;
    if (level.rms_dbfs > SILENT_DBFS) this.#heardAt = now;
    this.#held = Math.max(level.peak, this.#held * 0.96);
    const clipped = now - this.#clippedAt < CLIPPED_MS;
    const quiet = now - this.#loudAt > QUIET_FOR_MS;
    const silent = now - this.#heardAt;
    const hint = clipped
      ? t("meter.loud")
      : silent > SILENT_FOR_MS
        ? t("meter.silent")
        : silent > QUIET_FOR_MS
          ? t("meter.nothing")
          : quiet
            ? t("meter.quiet")
            : t("meter.good");
    this.#show(level.rms_dbfs, this.#held, hint, clipped || silent > SILENT_FOR_MS);
  }

  /**
   * @param {number} rms_dbfs
   * @param {number} peak
   * @param {string} hint
   * @param {boolean} bad
   */
  #show(rms_dbfs, peak, hint, bad) {
    const share = Math.max(0, Math.min(1, 1 - rms_dbfs / FLOOR_DBFS));
    const peak_dbfs = 20 * Math.log10(Math.max(peak, 1e-6));
    this.#fill.style.transform = `scaleX(${share.toFixed(3)})`;
    this.#peak.style.left = `${(100 * Math.max(0, Math.min(0.99, 1 - peak_dbfs / FLOOR_DBFS))).toFixed(1)}%`;
    this.#meter.toggleAttribute("data-clipped", bad);
    const now = performance.now();
    if (now - this.#toldAt < TOLD_EVERY_MS && !bad) return;
    this.#toldAt = now;
    this.#meter.setAttribute("aria-valuenow", String(Math.round(Math.max(FLOOR_DBFS, Math.min(0, rms_dbfs)))));
    this.#meter.setAttribute("aria-valuetext", hint);
    this.#hint.toggleAttribute("data-bad", bad);
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
  }
}
