/** Free speech: a text for who does not know what to say, and how much is still to come. */

import { find, show } from "./dom.js";

/** Written for this: all sounds of English, and nothing that anybody would mind to say. */
export const TEXT =
  "On a quiet morning the boat left the harbour with nine people on board. The water was smooth, and a light wind " +
  "came from the south. Somebody made a joke about the weather, and the others laughed. By noon they could see the " +
  "island: a long yellow beach, a few white houses, and one huge tree on the hill behind them. They had bread, " +
  "cheese, and a jar of plum jam, so nobody was in a hurry to go back.";

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
    find("progress-text").textContent = left ? `About ${left} seconds of speech to go` : "That is enough";
    find("dial").style.setProperty("--filled", share.toFixed(3));
  }
}
