/** Signing in at a page of the server by an API key. The browser keeps a cookie that no script can read, never the key. */

import { ask } from "./server.js";

/** @typedef {{key_id: string | null, scopes: string[]}} Somebody */

/**
 * Who is at this page; null for nobody.
 * @returns {Promise<Somebody | null>}
 */
export async function whoAmI() {
  const somebody = await ask("GET", "/v1/sign-in");
  return somebody.scopes.length > 0 ? somebody : null;
}

/**
 * @param {string} key An API key; it is sent once and kept nowhere.
 * @returns {Promise<Somebody>}
 */
export async function signIn(key) {
  return ask("POST", "/v1/sign-in", { key: key.trim() });
}

export async function signOut() {
  await ask("DELETE", "/v1/sign-in");
}
