/** One websocket, from the first try to the server's ``ready``. */

import { StreamAuthError } from "./errors.js";

/** The protocol version spoken here. */
export const VERSION = 1;

/** @typedef {import("./streamauth.js").Message} Message */
/** @typedef {import("./streamauth.js").SessionOptions} SessionOptions */

const OPEN_TIMEOUT_S = 10;
const RETRY_AFTER_S = 0.8;
const START_FIELDS = /** @type {const} */ ([
  "name", "among", "phrase", "text_independent", "consent", "prompt", "audience", "nonce",
]);
const WORTH_RETRYING = new Set(["server_unreachable", "server_busy", "server_stopping"]);

/**
 * Connect and begin a session; before it began, and only then, a failure may be tried again.
 * @param {SessionOptions & {retries: number}} options
 * @param {object} audio The format to declare.
 * @param {AbortSignal} signal Gives up at once; the reason is thrown.
 * @returns {Promise<{socket: WebSocket, ready: Message}>} Nobody listens to the socket yet.
 * @throws {StreamAuthError}
 */
export async function connect(options, audio, signal) {
  for (let tried = 0; ; tried += 1) {
    signal.throwIfAborted();
    try {
      const token = await tokenOf(options);
      signal.throwIfAborted();
      return await open(endpoint(options.url), startMessage(options, audio, token), signal);
    } catch (error) {
      const again = error instanceof StreamAuthError && WORTH_RETRYING.has(error.code);
      // a token that was given once may be used up by now
      const fresh = typeof options.token !== "string";
      if (!again || !fresh || tried >= options.retries || signal.aborted) throw error;
      await new Promise((done) => setTimeout(done, RETRY_AFTER_S * 1000 * (tried + 1)));
    }
  }
}

/**
 * A message of the server, null where it is none.
 * @param {unknown} data
 * @returns {Message | null}
 */
export function read(data) {
  try {
    const message = JSON.parse(/** @type {string} */ (data));
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/** @param {SessionOptions} options */
async function tokenOf({ token }) {
  if (typeof token !== "function") return token;
  try {
    return await token();
  } catch (error) {
    throw new StreamAuthError("token_unavailable", undefined, { cause: error });
  }
}

/**
 * @param {SessionOptions} options
 * @param {object} audio
 * @param {string | undefined} token
 * @returns {Message}
 */
function startMessage(options, audio, token) {
  const given = START_FIELDS.filter((field) => options[field] !== undefined);
  const fields = Object.fromEntries(given.map((field) => [field, options[field]]));
  return { type: "start", version: VERSION, mode: options.mode, audio, ...fields, ...(token === undefined ? {} : { token }) };
}

/**
 * @param {URL} url
 * @param {Message} start
 * @param {AbortSignal} signal
 * @returns {Promise<{socket: WebSocket, ready: Message}>}
 */
function open(url, start, signal) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.onmessage = socket.onclose = socket.onopen = null;
    };
    const refuse = (/** @type {unknown} */ error) => {
      settle();
      socket.close();
      reject(error);
    };
    const abort = () => refuse(signal.reason);
    const unreachable = () => refuse(new StreamAuthError("server_unreachable"));
    const timer = setTimeout(unreachable, OPEN_TIMEOUT_S * 1000);
    signal.addEventListener("abort", abort);
    socket.onopen = () => socket.send(JSON.stringify(start));
    socket.onclose = unreachable;
    socket.onmessage = ({ data }) => {
      const message = read(data);
      if (message?.type === "ready" && message.version === VERSION) {
        settle();
        resolve({ socket, ready: message });
      } else if (message?.type === "ready") {
        refuse(new StreamAuthError("unsupported_version"));
      } else if (message?.type === "error") {
        refuse(new StreamAuthError(message.code, message.message));
      } else if (!message) {
        refuse(new StreamAuthError("bad_message"));
      }
    };
  });
}

/**
 * @param {string | URL} [url]
 * @returns {URL}
 */
function endpoint(url) {
  const full = new URL(url ?? "/v1/stream", globalThis.location?.href);
  if (full.protocol.startsWith("http")) full.protocol = full.protocol.replace("http", "ws");
  return full;
}
