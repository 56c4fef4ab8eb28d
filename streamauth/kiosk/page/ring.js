/** The ring: live loudness around a circle while somebody is listened to; at rest a quiet outline. Decoration only. */

const TICKS = 96;
const QUIET_DBFS = -60;
const LOUD_DBFS = -14;

export class Ring {
  #canvas;
  #pen;
  /** @type {number[]} */ #levels = [];
  #live = false;
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    new ResizeObserver(() => this.#ask()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#ask());
  }

  /** @param {boolean} live Whether somebody is listened to from now on. */
  begin(live) {
    this.#live = live;
    this.#levels = [];
    this.#ask();
  }

  /** @param {number} rms_dbfs Level of about 100 ms. */
  push(rms_dbfs) {
    const level = Math.max(0, Math.min(1, (rms_dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)));
    const before = this.#levels.at(-1) ?? 0;
    this.#levels.push((before + level) / 2, level);
    this.#ask();
  }

  #ask() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const size = Math.round(this.#canvas.clientWidth * Math.min(3, devicePixelRatio));
    if (!size) return;
    this.#canvas.width = this.#canvas.height = size;
    const style = getComputedStyle(this.#canvas);
    const [tick, accent] = ["--tick", "--accent"].map((name) => style.getPropertyValue(name).trim());
    const pen = this.#pen;
    pen.setTransform(size / 2, 0, 0, size / 2, size / 2, size / 2);
    pen.lineCap = "round";
    const head = this.#levels.length;
    for (let index = 0; index < TICKS; index += 1) {
      const age = (((head - 1 - index) % TICKS) + TICKS) % TICKS;
      const level = this.#live ? this.#levels[head - 1 - age] : undefined;
      const angle = (index / TICKS) * 2 * Math.PI - Math.PI / 2;
      const length = 0.02 + 0.21 * (level ?? 0);
      pen.globalAlpha = level === undefined ? 1 : 1 - 0.65 * (age / TICKS);
      pen.strokeStyle = level === undefined ? tick : accent;
      pen.lineWidth = 0.021;
      pen.beginPath();
      pen.moveTo(Math.cos(angle) * 0.74, Math.sin(angle) * 0.74);
      pen.lineTo(Math.cos(angle) * (0.74 + length), Math.sin(angle) * (0.74 + length));
      pen.stroke();
    }
  }
}
