/** What the page asks its server beside live sound: facts for its texts, and, for who may, profiles and tokens. */

/** @typedef {{utterances: number, free_speech_s: number, keeps_audio: boolean, consent?: string}} Facts */
/** @typedef {{id: string, name: string, kind: string, status: string, locked: boolean, failures: number}} Profile */

/** An answer of the server that is an error. */
export class ServerError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * Call the server's REST interface.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { "X-Streamauth-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ServerError("server_unreachable", "The server cannot be reached. Is it still running?");
  }
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (answer.ok) return data;
  throw new ServerError(data?.error?.code ?? "error", data?.error?.message ?? "The server answered with an error.");
}

/**
 * What the texts of the page must say to be true here; null where the server does not tell.
 * @returns {Promise<Facts | null>}
 */
export async function facts() {
  try {
    const answer = await fetch("page.json");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/**
 * A token for one attempt, for who is signed in.
 * @param {import("./streamauth.js").SessionOptions} options
 * @returns {Promise<string>}
 */
export async function tokenFor({ mode, name, among, phrase, text_independent, consent, prompt }) {
  const purpose = { mode, name, among, phrase, text_independent, consent, prompt, audience: location.origin };
  return (await ask("POST", "/v1/sessions", purpose)).token;
}
