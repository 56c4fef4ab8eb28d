/** Free speech: how much there is, and how much is still to come. */

import { find, show } from "./dom.js";
import { t } from "./language.js";

const SPEECH_DBFS = -48;
const FRAME_S = 0.03;

/** How much speech there is of how much; between the server's own figures, by the loudness here. */
export class Progress {
  #all_s = 20;
  #done_s = 0;

  /** @param {number} all_s Speech that is needed. */
  begin(all_s) {
    this.#all_s = all_s;
    this.#done_s = 0;
    show(find("progress"), true);
    this.#show();
  }

  /** Nothing is to be read, or no more. */
  clear() {
    find("dial").style.removeProperty("--filled");
  }

  /** @param {number} rms_dbfs Of a frame. */
  push(rms_dbfs) {
    if (rms_dbfs < SPEECH_DBFS) return;
    // the rest is the server's to tell
    this.#done_s = Math.min(this.#done_s + FRAME_S, 0.97 * this.#all_s);
    this.#show();
  }

  /**
   * @param {number} done_s
   * @param {number} needed_s
   */
  told(done_s, needed_s) {
    this.#all_s = done_s + needed_s;
    this.#done_s = done_s;
    this.#show();
  }

  #show() {
    const bar = find("progress");
    const share = this.#all_s ? Math.min(1, this.#done_s / this.#all_s) : 1;
    const left = Math.max(0, Math.ceil(this.#all_s - this.#done_s));
    find("progress-fill").style.transform = `scaleX(${share.toFixed(3)})`;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    find("progress-text").textContent = left ? t("free.left", { seconds: left }) : t("free.enough");
    find("dial").style.setProperty("--filled", share.toFixed(3));
  }
}
