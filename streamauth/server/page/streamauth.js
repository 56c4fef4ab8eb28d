/**
 * Live voice authentication from a web page: one microphone, one websocket, one attempt.
 *
 * @example
 * const session = new VoiceSession({ url: "wss://voice.example/v1/stream", mode: "verify", name: "ada", token });
 * session.addEventListener("words", (event) => show(event.detail.text));
 * const decision = await session.run();   // rejects with StreamAuthError where there is no outcome
 */

import { connect, read } from "./connection.js";
import { StreamAuthError } from "./errors.js";
import { Microphone } from "./microphone.js";

export { VERSION } from "./connection.js";
export { SENTENCES, StreamAuthError } from "./errors.js";
export { DEFAULTS, Microphone, microphonePermission, microphones } from "./microphone.js";
export { REASONS, reasonText } from "./reasons.js";

/**
 * @typedef {"verify" | "continuous" | "identify" | "enroll"} Mode
 * @typedef {"idle" | "microphone" | "connecting" | "listening" | "deciding" | "over"} State
 * @typedef {import("./microphone.js").MicrophoneOptions} MicrophoneOptions
 * @typedef {import("./microphone.js").Level} Level
 */

/**
 * @typedef {object} SessionOptions
 * @property {string | URL} [url] The streaming endpoint; that of the page's own server if absent.
 * @property {Mode} mode
 * @property {string} [name] The profile; for all modes but identify.
 * @property {string[]} [among] The profiles to compare with; for identify.
 * @property {string} [phrase] The pass phrase; for enroll.
 * @property {boolean} [text_independent] No pass phrase at all; for enroll.
 * @property {string} [consent] Version of the text that the person has agreed to; for enroll.
 * @property {"digits" | "words"} [prompt] A random prompt of this kind must be said; for all modes but enroll.
 * @property {string} [audience] Asks for a signed verdict for this audience; where the token does not ask already.
 * @property {string} [nonce] Put into the signed verdict; only with audience.
 * @property {string | (() => string | Promise<string>)} [token] One-use session token, or a function that gets one.
 *   With a function, a connection that fails before the session began can be tried again.
 * @property {MicrophoneOptions} [microphone]
 * @property {number} [retries] More tries to connect before the session began; 2 if absent. Never later.
 * @property {number} [maxBuffer_s] Most sound that may wait for the network; 5 if absent.
 * @property {number} [maxSilence_s] Longest time without a message of the server; 40 if absent.
 */

/**
 * A message of the server; docs/protocol.md names the fields of each type.
 * @typedef {{type: string, [field: string]: any}} Message
 */

/**
 * The last ``decision``, or ``enrolled``, with the signed verdict for the backend, null where none was asked for.
 * @typedef {Message & {signed_verdict: string | null}} Outcome
 */

const CLOSE_TIMEOUT_S = 2;

/**
 * One attempt, from the microphone's permission to the outcome. It cannot be run twice, and where it breaks it is
 * never resumed: it is undecided, and a new attempt begins with a new session.
 *
 * Dispatches each message of the server as a CustomEvent of its type with the message as ``detail``, and
 * ``state`` ({state}), ``input`` (a Level, for each frame) and ``microphone`` (what the device really does).
 */
export class VoiceSession extends EventTarget {
  /** @type {State} */ #state = "idle";
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Microphone | null} */ #microphone = null;
  /** @type {Outcome | null} */ #outcome = null;
  /** @type {string | null} */ #signed = null;
  /** @type {StreamAuthError | null} */ #failure = null;
  #settled = false;
  #broken = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #watch;
  /** @type {() => void} */ #finish = () => {};
  #finished = new Promise((/** @type {(value: void) => void} */ resolve) => (this.#finish = resolve));
  #options;
  #leaving = () => this.cancel();

  /** @param {SessionOptions} options */
  constructor(options) {
    super();
    this.#options = { retries: 2, maxBuffer_s: 5, maxSilence_s: 40, ...options };
  }

  /** Where the attempt stands. */
  get state() {
    return this.#state;
  }

  /**
   * Ask for the microphone, connect, and stream until there is an outcome.
   * @returns {Promise<Outcome>}
   * @throws {StreamAuthError} There is none, and nothing was accepted.
   */
  async run() {
    if (this.#state !== "idle") throw new Error("A session runs once. Make a new one for a new attempt.");
    globalThis.addEventListener?.("pagehide", this.#leaving);
    try {
      // before the connection: while a person thinks about the permission, no attempt is charged and no token ages
      this.#enter("microphone");
      const microphone = await this.#openMicrophone();
      this.#enter("connecting");
      await this.#connect(microphone);
      this.#check();
      this.#enter("listening");
      this.#listen(microphone);
      await this.#finished;
      this.#check();
      return /** @type {Outcome} */ (/** @type {unknown} */ (this.#outcome));
    } finally {
      await this.#tearDown();
      this.#enter("over");
    }
  }

  /** Enrollment: the speaker is done with this utterance. */
  endUtterance() {
    if (this.#state === "listening") this.#say({ type: "end_utterance" });
  }

  /** The speaker is done: the microphone is let go, and the server decides with what there is. */
  end() {
    if (this.#state !== "listening") return;
    this.#enter("deciding");
    void this.#microphone?.close();
    this.#say({ type: "end" });
  }

  /** Break the attempt off; ``run`` rejects with ``cancelled``. Of no effect once there is an outcome. */
  cancel() {
    if (this.#state === "over") return;
    this.#say({ type: "cancel" });
    this.#fail(new StreamAuthError("cancelled"));
  }

  async #openMicrophone() {
    const opening = Microphone.open(this.#options.microphone);
    // a person may cancel while the browser still asks
    opening.then((microphone) => this.#failure && microphone.close(), () => {});
    const microphone = await Promise.race([opening, this.#finished]);
    this.#check();
    if (!microphone) throw new StreamAuthError("cancelled");
    this.#microphone = microphone;
    this.#dispatch("microphone", microphone.applied);
    return microphone;
  }

  /** @param {Microphone} microphone */
  async #connect(microphone) {
    const { socket, ready } = await connect(this.#options, microphone.audio, this.#broken.signal);
    this.#socket = socket;
    // in the same turn of the loop as the server's answer: no message of it is missed
    socket.onmessage = ({ data }) => this.#receive(read(data));
    socket.onclose = () => this.#closed();
    this.#dispatch("ready", ready);
  }

  /** @param {Microphone} microphone */
  #listen(microphone) {
    const { rate, encoding } = microphone.audio;
    const most = this.#options.maxBuffer_s * rate * (encoding === "f32le" ? 4 : 2);
    this.#guard();
    microphone.start(
      ({ bytes, level }) => {
        this.#dispatch("input", level);
        const socket = this.#socket;
        if (this.#state !== "listening" || socket?.readyState !== WebSocket.OPEN) return;
        if (socket.bufferedAmount > most) this.#fail(new StreamAuthError("connection_too_slow"));
        else socket.send(bytes);
      },
      (error) => this.#fail(error),
    );
  }

  /** @param {Message | null} message */
  #receive(message) {
    if (this.#failure) return;
    this.#guard();
    if (!message) {
      this.#fail(new StreamAuthError("bad_message"));
      return;
    }
    const final = message.type === "enrolled" || (message.type === "decision" && this.#options.mode !== "continuous");
    if (message.type === "signed_verdict") this.#signed = message.token;
    if (message.type === "decision" || message.type === "enrolled") {
      this.#outcome = { ...message, signed_verdict: this.#signed };
      this.#signed = null;
    }
    if (final) this.#conclude();
    this.#dispatch(message.type, message);
    if (message.type === "error") this.#fail(new StreamAuthError(message.code, message.message));
  }

  #conclude() {
    this.#settled = true;
    // not a moment longer than needed
    void this.#microphone?.close();
    this.#finish();
  }

  #closed() {
    // a continuous session that was ended has its last decision; anything else that breaks off has none
    const ended = this.#outcome && (this.#options.mode !== "continuous" || this.#state === "deciding");
    if (ended) this.#conclude();
    else this.#fail(new StreamAuthError("session_interrupted"));
  }

  /** @param {StreamAuthError} error */
  #fail(error) {
    if (this.#settled) return;
    this.#settled = true;
    this.#failure = error;
    this.#broken.abort(this.#failure);
    this.#finish();
  }

  #check() {
    if (this.#failure) throw this.#failure;
  }

  #guard() {
    clearTimeout(this.#watch);
    const wait = this.#options.maxSilence_s * 1000;
    this.#watch = setTimeout(() => this.#fail(new StreamAuthError("server_silent")), wait);
  }

  /** @param {Message} message */
  #say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  async #tearDown() {
    clearTimeout(this.#watch);
    globalThis.removeEventListener?.("pagehide", this.#leaving);
    await this.#microphone?.close();
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    socket.onmessage = null;
    const closed = new Promise((resolve) => (socket.onclose = resolve));
    // the server closes by itself after an outcome, with its own code
    if (!this.#outcome) socket.close(1000);
    await Promise.race([closed, pause(CLOSE_TIMEOUT_S)]);
    socket.onclose = null;
    socket.close();
  }

  /** @param {State} state */
  #enter(state) {
    this.#state = state;
    this.#dispatch("state", { state });
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {number} seconds */
function pause(seconds) {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}
