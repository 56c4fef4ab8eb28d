/** Errors of the browser's side: a stable code, and one sentence a person can act on. */

/** Codes that arise in the browser; those of the server arrive with their own sentence. */
export const SENTENCES = Object.freeze({
  insecure_context:
    "The browser gives a microphone only to pages on HTTPS or on this machine itself. Open this page with https://.",
  browser_unsupported: "This browser cannot record sound for a live session. Use a current Chrome, Edge, Firefox or Safari.",
  permission_denied:
    "The microphone is blocked for this page. Allow it in the browser's settings for this page, then try again.",
  no_microphone: "No microphone was found. Connect one, or choose another one, then try again.",
  microphone_busy: "The microphone cannot be opened. Another program may be using it: close it there, then try again.",
  microphone_failed: "The microphone could not be started. Reload the page and try again.",
  microphone_lost: "The microphone was unplugged or taken away. The attempt is undecided.",
  capture_interrupted: "The browser stopped recording, as it does in the background or during a call. The attempt is undecided.",
  audio_blocked: "The browser waits for a click before it records. Press the button again.",
  audio_lost: "Some of the sound was lost on the way through this browser. The attempt is undecided; close other programs and try again.",
  unsupported_sample_rate: "This microphone's sample rate is not supported. Set it to 48 kHz or choose another microphone.",
  connection_too_slow: "The connection is too slow for live sound. The attempt is undecided; try again on a better one.",
  server_unreachable: "The server cannot be reached, or does not admit this page. Check the connection and try again.",
  server_silent: "The server does not answer any more. The attempt is undecided; try again.",
  session_interrupted: "The connection broke before anything was decided. Nothing was accepted; start a new attempt.",
  bad_message: "The server sent something that this page does not understand. The attempt is undecided.",
  unsupported_version: "The server speaks another version of the protocol. Reload the page.",
  token_unavailable: "This page could not get permission for a session. Sign in again, then try again.",
  cancelled: "You stopped before anything was decided. Nothing was accepted.",
});

/** Codes, of either side, after which the same attempt may succeed without a change by the person. */
const RETRYABLE = new Set([
  "server_unreachable", "server_silent", "session_interrupted", "audio_lost", "connection_too_slow",
  "capture_interrupted", "server_busy", "server_stopping", "session_timeout", "overloaded", "attempt_delayed",
  "rate_limited", "too_many_sessions",
]);

/** Why there is no outcome. Whatever the code: nothing was accepted. */
export class StreamAuthError extends Error {
  /**
   * @param {string} code Stable code, of this module or of the server.
   * @param {string} [message] Sentence for a person; the module's own if absent.
   * @param {{cause?: unknown}} [options]
   */
  constructor(code, message, options) {
    const own = /** @type {Record<string, string>} */ (SENTENCES)[code];
    super(message || own || "The attempt failed. Nothing was accepted.", options);
    this.name = "StreamAuthError";
    /** @readonly */
    this.code = code;
    /** Whether a new attempt may succeed as things are. @readonly */
    this.retryable = RETRYABLE.has(code);
  }
}
