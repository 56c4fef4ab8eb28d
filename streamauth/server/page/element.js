/**
 * `<streamauth-verify>`: a button that listens, for pages that need no more than that.
 *
 * @example
 * <script type="module" src="https://voice.example/element.js"></script>
 * <streamauth-verify name="ada" token-url="/begin" verdict-url="/finish"></streamauth-verify>
 */

import { StreamAuthError, VoiceSession } from "./streamauth.js";
import { errorIn, known, reasonIn, texts } from "./texts.js";

/** @typedef {import("./streamauth.js").Outcome} Outcome */
/** @typedef {import("./streamauth.js").Message} Message */

const FLOOR_DBFS = -60;
const STYLE = `
  :host { display: inline-grid; gap: 0.5em; min-width: 16em; max-width: 30em; font: inherit; }
  :host([hidden]) { display: none; }
  .row { display: flex; gap: 0.5em; }
  button { font: inherit; font-weight: 600; min-height: 2.9em; padding: 0.4em 1.2em; border: 1px solid transparent;
    border-radius: 999px; cursor: pointer; background: var(--streamauth-accent, #3546c8);
    color: var(--streamauth-accent-ink, #fff); }
  button:disabled { opacity: 0.6; cursor: default; }
  button.stop { background: none; color: inherit; border-color: currentColor; }
  button:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
  .level { height: 0.4em; border-radius: 1em; overflow: hidden; background: color-mix(in srgb, currentColor 18%, transparent); }
  .level span { display: block; height: 100%; transform-origin: left; transform: scaleX(0);
    background: var(--streamauth-accent, #3546c8); }
  p { margin: 0; min-height: 1.5em; overflow-wrap: anywhere; }
  [hidden] { display: none; }
`;

/**
 * Attributes: ``name`` (the profile), ``token-url`` (gets ``{"name"}`` by POST and answers ``{"token"}``; where absent,
 * ``getToken`` is called, and without that either no token is sent), ``verdict-url`` (gets ``{"verdict"}``, the signed
 * verdict, after an accept), ``server`` (of which this module was loaded, if absent), ``mode`` (``verify`` or
 * ``identify``), ``prompt`` (``digits`` or ``words``), ``lang`` (the page's or browser's, if absent), ``disabled``.
 *
 * Parts to be styled: ``button``, ``stop``, ``level``, ``status``.
 *
 * Dispatches ``outcome`` (detail: the Outcome, with the answer of ``verdict-url`` as ``answer``) and ``failure``
 * (detail: a StreamAuthError). What they say is for the person; let in by the signed verdict alone, in your backend.
 */
export class StreamAuthVerify extends HTMLElement {
  static observedAttributes = ["lang", "disabled"];

  /** Gets a session token, where no ``token-url`` does. @type {(() => string | Promise<string>) | undefined} */
  getToken;
  /** @type {VoiceSession | null} */ #session = null;
  #button = this.#control("button", () => void this.start());
  #stop = this.#control("stop", () => this.stop());
  #bar = document.createElement("span");
  #level = document.createElement("div");
  #status = document.createElement("p");

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet(); // which a page's policy for styles does not forbid
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    this.#level.className = "level";
    this.#level.part.add("level");
    this.#level.append(this.#bar);
    this.#status.part.add("status");
    this.#status.setAttribute("role", "status");
    const row = document.createElement("div");
    row.className = "row";
    row.append(this.#button, this.#stop);
    root.append(row, this.#level, this.#status);
  }

  connectedCallback() {
    this.#name();
    this.#rest();
  }

  disconnectedCallback() {
    this.stop();
  }

  attributeChangedCallback() {
    this.#name();
    if (!this.#session) this.#rest();
  }

  /**
   * Ask for the microphone and listen until there is an outcome; only after a click or a key.
   * @returns {Promise<Outcome | null>} Null where there is none.
   */
  async start() {
    if (this.#session) return null;
    const session = new VoiceSession({
      url: new URL("/v1/stream", this.getAttribute("server") ?? import.meta.url),
      mode: this.getAttribute("mode") === "identify" ? "identify" : "verify",
      name: this.getAttribute("name") ?? undefined,
      prompt: this.#prompt(),
      token: this.#token(),
    });
    this.#session = session;
    this.#button.disabled = true;
    this.#stop.hidden = this.#level.hidden = false;
    this.#follow(session);
    try {
      const outcome = await session.run();
      const answer = outcome.decision === "accept" ? await this.#tell(outcome.signed_verdict) : null;
      const reasons = outcome.reasons.map((/** @type {string} */ code) => reasonIn(this.#language(), code));
      this.#say([this.#texts()(`end.${outcome.decision}`), ...reasons].join(" "));
      this.dispatchEvent(new CustomEvent("outcome", { detail: { ...outcome, answer } }));
      return outcome;
    } catch (error) {
      if (!(error instanceof StreamAuthError)) throw error;
      this.#say(errorIn(this.#language(), error));
      this.dispatchEvent(new CustomEvent("failure", { detail: error }));
      return null;
    } finally {
      this.#session = null;
      this.#rest();
    }
  }

  /** Break off; nothing is accepted. */
  stop() {
    this.#session?.cancel();
  }

  /** @param {VoiceSession} session */
  #follow(session) {
    const t = this.#texts();
    const hear = (/** @type {string} */ type, /** @type {(message: any) => void} */ handler) =>
      session.addEventListener(type, (event) => handler(/** @type {CustomEvent} */ (event).detail));
    const what = this.#prompt() ? "prompt" : this.getAttribute("mode") === "identify" ? "talk" : "phrase";
    hear("state", ({ state }) => {
      if (state === "microphone") this.#say(t("live.microphoneHelp"));
      if (state === "listening") this.#say(`${t("live.listening")}. ${t(`say.${what}`)}`);
      if (state === "deciding") this.#say(t("live.deciding"));
    });
    hear("prompt", ({ text, after_phrase }) => this.#say(`${t(after_phrase ? "say.promptAfter" : "say.promptAlone")} ${text}`));
    hear("input", ({ rms_dbfs }) => {
      const share = Math.max(0, Math.min(1, 1 - rms_dbfs / FLOOR_DBFS));
      this.#bar.style.transform = `scaleX(${share.toFixed(3)})`;
    });
  }

  /** @param {string | null} verdict */
  async #tell(verdict) {
    const address = this.getAttribute("verdict-url");
    return address && verdict ? this.#post(address, { verdict }) : null;
  }

  /** @returns {(() => Promise<string>) | undefined} */
  #token() {
    const address = this.getAttribute("token-url");
    const own = this.getToken;
    if (address) return async () => (await this.#post(address, { name: this.getAttribute("name") ?? undefined })).token;
    return own && (async () => own());
  }

  /**
   * @param {string} address
   * @param {unknown} body
   */
  async #post(address, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new StreamAuthError("token_unavailable");
    return answer.json();
  }

  #prompt() {
    const kind = this.getAttribute("prompt");
    return kind === "digits" || kind === "words" ? kind : undefined;
  }

  #language() {
    return known([this.lang, document.documentElement.lang, ...navigator.languages].filter(Boolean));
  }

  #texts() {
    return texts(this.#language());
  }

  #name() {
    const t = this.#texts();
    this.#button.textContent = t("verify.start");
    this.#stop.textContent = t("live.stop");
    this.#status.lang = this.#language();
  }

  #rest() {
    this.#button.disabled = this.hasAttribute("disabled");
    this.#stop.hidden = this.#level.hidden = true;
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#status.textContent = sentence;
  }

  /**
   * @param {string} part
   * @param {() => void} act
   */
  #control(part, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.part.add(part);
    button.classList.add(part);
    button.addEventListener("click", act);
    return button;
  }
}

customElements.define("streamauth-verify", StreamAuthVerify);
