/** The ring: loudness around a circle, clockwise. A finished utterance closes its ring; decoration, told in text too. */

const TICKS = 132;
const QUIET_DBFS = -62;
const LOUD_DBFS = -12;
const CLOSING_S = 0.7;
const FINE_PX = 200;

/** @typedef {"idle" | "wait" | "live" | "accept" | "reject" | "undecided" | "error"} Mood */
/** @typedef {{levels: number[], shown: number[] | null, closedAt: number, mood: Mood}} Band */

export class Ring {
  #canvas;
  #context;
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Band[]} */ #bands = [];
  #current = 0;
  #pending = 0;
  #half = false;
  /** @type {Mood} */ #mood = "idle";
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.clear(1);
    new ResizeObserver(() => this.#ask()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#ask());
  }

  /**
   * Begin anew.
   * @param {number} bands Rings inside each other, one for each utterance that is wanted.
   */
  clear(bands) {
    this.#bands = Array.from({ length: Math.max(1, Math.min(5, bands)) }, () => emptyBand());
    this.#current = 0;
    this.mood = "idle";
  }

  /** @param {Mood} mood */
  set mood(mood) {
    this.#mood = mood;
    this.#ask();
  }

  /** @param {number} rms_dbfs Level of one frame of about 30 ms. */
  push(rms_dbfs) {
    const level = Math.max(0, Math.min(1, (rms_dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)));
    this.#pending = Math.max(this.#pending, level);
    this.#half = !this.#half;
    if (this.#half) return;
    const band = this.#bands[this.#current];
    if (band && !band.shown) band.levels.push(this.#pending);
    this.#pending = 0;
    this.#ask();
  }

  /** The utterance does not count: its ring starts over. */
  retry() {
    this.#bands[this.#current] = emptyBand();
    this.#ask();
  }

  /**
   * The utterance is over: its ring closes.
   * @param {Mood} mood
   */
  close(mood) {
    const band = this.#bands[this.#current];
    if (band && !band.shown) {
      band.shown = stretched(band.levels);
      band.closedAt = performance.now();
      band.mood = mood;
      this.#current += 1;
    }
    this.#ask();
  }

  /**
   * Before anything was said: a wave that leads nowhere, so that the ring is seen as one.
   * @param {number} tick
   * @param {number} index
   */
  #rest(tick, index) {
    if (this.#mood !== "idle") return 0;
    const turn = (tick / TICKS) * 2 * Math.PI;
    return 0.16 + 0.07 * Math.sin(3 * turn + index) + 0.06 * Math.sin(7 * turn) + 0.03 * Math.sin(17 * turn);
  }

  #ask() {
    if (!this.#frame) this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  /** @param {number} now */
  #draw(now) {
    this.#frame = 0;
    const canvas = this.#canvas;
    const size = Math.round(canvas.clientWidth * Math.min(3, devicePixelRatio));
    if (!size) return;
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const pen = this.#context;
    pen.setTransform(size / 2, 0, 0, size / 2, size / 2, size / 2);
    pen.clearRect(-1, -1, 2, 2);
    pen.lineCap = "round";
    const count = this.#bands.length;
    const [inner, outer] = [count > 1 ? 0.5 : 0.56, 0.97];
    const room = (outer - inner) / count;
    let moving = false;
    // a small ring with all its ticks would be a blot
    const step = canvas.clientWidth < FINE_PX ? 2 : 1;
    const inks = { tick: colour("--tick"), band: "" };
    for (const [index, band] of this.#bands.entries()) {
      const base = inner + room * index;
      const age = band.shown ? (now - band.closedAt) / 1000 / CLOSING_S : 0;
      const grown = this.#still.matches ? 1 : Math.min(1, age);
      moving ||= Boolean(band.shown) && grown < 1;
      inks.band = colour(INK[band.shown ? band.mood : this.#mood]);
      const head = band.levels.length;
      for (let tick = 0; tick < TICKS; tick += step) {
        const age_ticks = (((head - 1 - tick) % TICKS) + TICKS) % TICKS;
        const live = band.levels[head - 1 - age_ticks];
        const written = band.shown || live !== undefined;
        const level = band.shown ? mix(live ?? 0, band.shown[tick], ease(grown)) : (live ?? this.#rest(tick, index));
        const angle = (tick / TICKS) * 2 * Math.PI - Math.PI / 2;
        const length = Math.max(0.012, level * room * 0.88);
        // the newest is the brightest
        pen.globalAlpha = band.shown || !written ? 1 : 1 - 0.6 * (age_ticks / TICKS);
        pen.strokeStyle = written && level > 0.04 ? inks.band : inks.tick;
        pen.lineWidth = step * (count > 1 ? 0.0125 : 0.0145);
        pen.beginPath();
        pen.moveTo(Math.cos(angle) * base, Math.sin(angle) * base);
        pen.lineTo(Math.cos(angle) * (base + length), Math.sin(angle) * (base + length));
        pen.stroke();
      }
    }
    if (moving) this.#ask();
  }
}

/** @type {Record<Mood, string>} */
const INK = {
  idle: "--tick", wait: "--tick", live: "--accent", accept: "--accept", reject: "--reject", undecided: "--undecided",
  error: "--undecided",
};

/** @returns {Band} */
function emptyBand() {
  return { levels: [], shown: null, closedAt: 0, mood: "idle" };
}

/**
 * The loud part of some levels, spread over the whole ring.
 * @param {number[]} levels
 */
function stretched(levels) {
  const loud = Math.max(0.12, Math.max(0, ...levels) * 0.45);
  const first = levels.findIndex((level) => level > loud);
  const last = levels.findLastIndex((level) => level > loud);
  const part = first < 0 ? [0, 0] : levels.slice(first, last + 1);
  return Array.from({ length: TICKS }, (_, tick) => {
    const at = (tick / TICKS) * (part.length - 1);
    const low = Math.floor(at);
    return mix(part[low], part[Math.min(low + 1, part.length - 1)], at - low);
  });
}

const mix = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ share) => a + (b - a) * share;
const ease = (/** @type {number} */ share) => 1 - (1 - share) ** 3;
