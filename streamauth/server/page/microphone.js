/** The microphone as a stream of frames at the device's own rate. */

import { StreamAuthError } from "./errors.js";

/**
 * @typedef {object} MicrophoneOptions
 * @property {string} [deviceId] The microphone to use; the system's choice if absent.
 * @property {boolean} [echoCancellation] Off unless asked for.
 * @property {boolean} [noiseSuppression] Off unless asked for.
 * @property {boolean} [autoGainControl] Off unless asked for.
 * @property {"s16le" | "f32le"} [encoding] Form of a sample; s16le if absent.
 * @property {number} [frame_ms] Length of a frame, 10 to 100; 30 if absent.
 * @property {string | URL} [workletUrl] Where capture-worklet.js is, if not beside this module.
 */

/** @typedef {Readonly<MicrophoneOptions & Required<Omit<MicrophoneOptions, "deviceId" | "workletUrl">>>} Settled */

/**
 * @typedef {object} Level Level of one frame.
 * @property {number} rms_dbfs Root mean square, dB of full scale, -120 for digital silence.
 * @property {number} peak Largest magnitude, in 0 to 1.
 * @property {boolean} clipped Whether neighbouring samples stood at full scale.
 */

/**
 * @typedef {object} Frame
 * @property {ArrayBuffer} bytes Samples of one channel.
 * @property {Level} level
 */

/**
 * All processing is off: it bends the spectrum in ways that change from device to device and from second to second,
 * and what was enrolled must be comparable with what is verified. The server judges level and noise by itself.
 * @type {Settled}
 */
export const DEFAULTS = Object.freeze({
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
  encoding: "s16le",
  frame_ms: 30,
});

const LOWEST_HZ = 8000;
const HIGHEST_HZ = 48000;
const MAX_LAG_S = 3;

/**
 * What the browser would say now if the microphone were asked for; asks nobody.
 * @returns {Promise<"granted" | "prompt" | "denied" | "unavailable" | "unknown">}
 */
export async function microphonePermission() {
  if (obstacle()) return "unavailable";
  try {
    const status = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("microphone") });
    return status.state;
  } catch {
    // not every browser knows this permission's name
    return "unknown";
  }
}

/**
 * The microphones there are; their names are empty until the permission is given.
 * @returns {Promise<MediaDeviceInfo[]>}
 */
export async function microphones() {
  if (obstacle()) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
}

/** One open microphone. */
export class Microphone {
  /** @type {MediaStream} */ #stream;
  /** @type {AudioContext} */ #context;
  /** @type {AudioWorkletNode | null} */ #node = null;
  /** @type {((error: StreamAuthError) => void) | null} */ #onLost = null;
  #source;
  #options;
  #closed = false;

  /**
   * Ask for the microphone and make it ready; it is silent until ``start``.
   * @param {MicrophoneOptions} [options]
   * @returns {Promise<Microphone>}
   * @throws {StreamAuthError}
   */
  static async open(options = {}) {
    const code = obstacle();
    if (code) throw new StreamAuthError(code);
    const all = { ...DEFAULTS, ...options };
    const stream = await ask(all);
    /** @type {Microphone | null} */
    let microphone = null;
    try {
      microphone = new Microphone(stream, all);
      await microphone.#prepare();
      return microphone;
    } catch (error) {
      await microphone?.close();
      for (const track of stream.getTracks()) track.stop();
      throw error instanceof StreamAuthError ? error : new StreamAuthError("microphone_failed", undefined, { cause: error });
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {Settled} options
   */
  constructor(stream, options) {
    this.#stream = stream;
    this.#options = options;
    const rate = stream.getAudioTracks()[0].getSettings().sampleRate;
    [this.#context, this.#source] = contextOf(stream, rate);
  }

  /** The format to declare in ``start``. */
  get audio() {
    return { rate: this.#context.sampleRate, channels: 1, encoding: this.#options.encoding };
  }

  /** What the browser and the device really do, as far as they tell. */
  get applied() {
    const track = this.#stream.getAudioTracks()[0];
    const { echoCancellation, noiseSuppression, autoGainControl, sampleRate } = track.getSettings();
    return { label: track.label, echoCancellation, noiseSuppression, autoGainControl, sampleRate };
  }

  /**
   * Begin to hand over frames.
   * @param {(frame: Frame) => void} onFrame
   * @param {(error: StreamAuthError) => void} onLost Called at most once; no frame comes after it.
   */
  start(onFrame, onLost) {
    this.#onLost = onLost;
    const node = this.#node;
    if (!node) throw new StreamAuthError("microphone_failed");
    node.port.onmessage = ({ data }) => {
      if (this.#closed) return;
      const behind_s = this.#context.currentTime - data.end / this.#context.sampleRate;
      if (data.lost || behind_s > MAX_LAG_S) {
        this.#lose("audio_lost");
        return;
      }
      const rms_dbfs = Math.max(-120, 20 * Math.log10(Math.max(data.rms, 1e-6)));
      onFrame({ bytes: data.bytes, level: { rms_dbfs, peak: data.peak, clipped: data.clipped } });
    };
    this.#source.connect(node);
  }

  /** Let the microphone go; the browser's recording sign goes out. May be called more than once. */
  async close() {
    this.#closed = true;
    for (const track of this.#stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this.#context.onstatechange = null;
    this.#node?.port.postMessage("stop");
    this.#source.disconnect();
    if (this.#context.state !== "closed") await this.#context.close();
  }

  async #prepare() {
    const context = this.#context;
    const { encoding, frame_ms, workletUrl } = this.#options;
    try {
      await context.audioWorklet.addModule(workletUrl ?? new URL("./capture-worklet.js", import.meta.url));
    } catch (error) {
      // it comes from the server, and the microphone is in order
      throw new StreamAuthError("server_unreachable", undefined, { cause: error });
    }
    const frameSamples = Math.round((context.sampleRate * Math.max(10, Math.min(100, frame_ms))) / 1000);
    this.#node = new AudioWorkletNode(context, "streamauth-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { frameSamples, encoding },
    });
    this.#node.onprocessorerror = () => this.#lose("capture_interrupted");
    // the node's output is silence, but not every browser runs a node that leads nowhere
    this.#node.connect(context.destination);
    // without a gesture of the person this promise never settles
    await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 2000))]);
    if (context.state !== "running") throw new StreamAuthError("audio_blocked");
    context.onstatechange = () => {
      if (context.state !== "running") this.#lose("capture_interrupted");
    };
    this.#stream.getAudioTracks()[0].onended = () => this.#lose("microphone_lost");
  }

  /** @param {string} code */
  #lose(code) {
    if (this.#closed) return;
    void this.close();
    this.#onLost?.(new StreamAuthError(code));
  }
}

/** Why no microphone can be asked for at all, null if one can. */
function obstacle() {
  if (!globalThis.isSecureContext) return "insecure_context";
  const known = "mediaDevices" in navigator && "AudioWorkletNode" in globalThis;
  return known ? null : "browser_unsupported";
}

/** @param {MicrophoneOptions} options */
async function ask({ deviceId, echoCancellation, noiseSuppression, autoGainControl }) {
  const device = deviceId ? { deviceId: { exact: deviceId } } : {};
  const audio = { ...device, echoCancellation, noiseSuppression, autoGainControl, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video: false });
  } catch (error) {
    const code = CODES[error instanceof DOMException ? error.name : ""] ?? "microphone_failed";
    throw new StreamAuthError(code, undefined, { cause: error });
  }
}

/** @type {Record<string, string>} */
const CODES = {
  NotAllowedError: "permission_denied",
  SecurityError: "permission_denied",
  NotFoundError: "no_microphone",
  OverconstrainedError: "no_microphone",
  NotReadableError: "microphone_busy",
  AbortError: "microphone_busy",
};

/**
 * A context at the device's own rate where the browser can, so that the sound is resampled once, by the server.
 * @param {MediaStream} stream
 * @param {number | undefined} rate
 * @returns {[AudioContext, MediaStreamAudioSourceNode]}
 */
function contextOf(stream, rate) {
  const fits = rate !== undefined && rate >= LOWEST_HZ && rate <= HIGHEST_HZ;
  /** @type {(number | undefined)[]} */
  const candidates = fits ? [rate, undefined, HIGHEST_HZ] : [undefined, HIGHEST_HZ];
  for (const sampleRate of candidates) {
    const context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    try {
      const right = context.sampleRate >= LOWEST_HZ && context.sampleRate <= HIGHEST_HZ;
      if (right && Number.isInteger(context.sampleRate)) return [context, context.createMediaStreamSource(stream)];
    } catch {
      // some browsers join no stream and context of different rates: the next candidate
    }
    void context.close();
  }
  throw new StreamAuthError("unsupported_sample_rate");
}
