/** What the server gives as text: tables, to be read here or saved. */

import { ServerError } from "./server.js";

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function text(path) {
  let answer;
  try {
    answer = await fetch(path, { headers: { "X-Streamauth-Page": "1" } });
  } catch {
    throw new ServerError("server_unreachable", "The server cannot be reached. Is it still running?");
  }
  if (answer.ok) return answer.text();
  const data = await answer.json().catch(() => null);
  throw new ServerError(data?.error?.code ?? "error", data?.error?.message ?? "The server answered with an error.");
}

/**
 * Save what an address gives; a plain link would not be signed in.
 * @param {string} path
 * @param {string} name Of the file.
 */
export async function download(path, name) {
  const address = URL.createObjectURL(new Blob([await text(path)], { type: "text/csv" }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}
