/** The voice compared with the claimed one, while it speaks: a line over seconds of speech. */

import { figure, t } from "./language.js";

const WIDTH = 400;
const HEIGHT = 150;
const MARGIN = 12;
const LLR_SPAN = 20;
const LEAST_S = 3;
const SVG = "http://www.w3.org/2000/svg";

export class Curve {
  #svg;
  #text;
  #figure;
  /** @type {{x: number, y: number}[]} */ #points = [];

  /** @param {HTMLElement} figure Holds an svg and a figcaption. */
  constructor(figure) {
    this.#figure = figure;
    this.#svg = /** @type {SVGElement} */ (figure.querySelector("svg"));
    this.#text = /** @type {HTMLElement} */ (figure.querySelector("figcaption"));
  }

  /** Begin anew; stays hidden until there is a score, as a server may not tell any. */
  clear() {
    this.#points = [];
    this.#figure.hidden = true;
  }

  /** @param {import("./streamauth.js").Message} message A ``score`` or a ``band``. */
  add(message) {
    const y = heightOf(message);
    if (y === null) return;
    this.#points.push({ x: message.speech_s, y });
    this.#figure.hidden = false;
    this.#draw();
  }

  #draw() {
    const last = this.#points[this.#points.length - 1];
    const span = Math.max(LEAST_S, last.x);
    const points = this.#points.filter((point) => point.x >= last.x - span);
    const across = (/** @type {number} */ x) => MARGIN + (x / span) * (WIDTH - 2 * MARGIN);
    const down = (/** @type {number} */ y) => HEIGHT / 2 - y * (HEIGHT / 2 - MARGIN);
    const path = points.map((point, i) => `${i ? "L" : "M"}${across(point.x).toFixed(1)} ${down(point.y).toFixed(1)}`);
    const dot = `M${across(last.x).toFixed(1)} ${down(last.y).toFixed(1)}h0.01`;
    this.#svg.replaceChildren(
      shape("rect", { class: "curve-zone", x: 0, y: 0, width: WIDTH, height: HEIGHT / 2 }),
      shape("path", { class: "curve-zero", d: `M0 ${HEIGHT / 2}H${WIDTH}` }),
      shape("path", { class: "curve-line", d: path.join("") }),
      shape("path", { class: "curve-dot", d: dot }),
    );
    this.#text.textContent = `${t(`like.${likeness(last.y)}`)} · ${t("curve.seconds", { seconds: figure(last.x, 1) })}`;
  }
}

/**
 * How likely the voice is the claimed one, in -1 to 1; null where the server does not tell.
 * @param {{llr?: unknown, band?: unknown, [field: string]: unknown}} message
 * @returns {number | null}
 */
export function heightOf({ llr, band }) {
  if (typeof llr === "number") return Math.max(-1, Math.min(1, llr / LLR_SPAN));
  return typeof band === "string" ? (BANDS[band] ?? null) : null;
}

/** @type {Record<string, number>} */
const BANDS = { far_below: -0.75, below: -0.3, above: 0.3, far_above: 0.75 };

/**
 * The same in five steps, from 2 (very like) to -2, for which there are words.
 * @param {number} height In -1 to 1.
 */
export function likeness(height) {
  if (height > 0.45) return 2;
  if (height > 0.12) return 1;
  if (height > -0.12) return 0;
  return height > -0.45 ? -1 : -2;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
