/** The operators' page: signing in, its parts, and what all of them share. */

import { find, show } from "./dom.js";
import { DoorsView } from "./doors-live.js";
import { AuditView, EventsView } from "./doors-logs.js";
import { planTables } from "./doors-tables.js";
import { ServerError } from "./server.js";
import { signIn, signOut, whoAmI } from "./sign-in.js";

const PARTS = ["doors", "events", "people", "schedules", "audit"];
const SAID_MS = 6000;

let timer = 0;

/** @param {string} text Told for some seconds, and to screen readers. */
export function say(text) {
  find("said").textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => (find("said").textContent = ""), SAID_MS);
}

/**
 * Ask before something that cannot be missed.
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function sure(title, text, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (find("sure"));
  find("sure-title").textContent = title;
  find("sure-text").textContent = text;
  find("sure-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/**
 * What every failed request comes to: who is signed out sees so, everything else is said.
 * @param {unknown} error
 */
export function failed(error) {
  if (error instanceof ServerError && error.code === "unauthorized") {
    askForKey("You were signed out. Sign in again.");
  } else if (error instanceof ServerError) {
    say(error.message);
  } else {
    throw error;
  }
}

const doors = new DoorsView({ say, sure, failed });
const events = new EventsView(failed);
const audit = new AuditView(failed);
const tables = planTables({ say, sure, failed });

/** @param {string} problem */
function askForKey(problem) {
  doors.pause();
  for (const part of PARTS) show(find(`view-${part}`), false);
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  show(find("tabs"), false);
  show(find("sign-out"), false);
  show(find("view-sign-in"), true);
  show(find("sign-in-problem"), problem !== "");
  find("sign-in-problem").textContent = problem;
  document.body.dataset.stage = "sign-in";
  find("key").focus();
}

/** @param {import("./sign-in.js").Somebody | null} somebody */
function enter(somebody) {
  if (somebody === null) return askForKey("");
  if (!somebody.scopes.includes("admin")) return askForKey("This API key lacks the scope admin.");
  show(find("view-sign-in"), false);
  show(find("tabs"), true);
  show(find("sign-out"), somebody.key_id !== null);
  document.body.dataset.stage = "in";
  open();
}

function open() {
  if (document.body.dataset.stage !== "in") return;
  const wanted = location.hash.slice(1);
  const part = PARTS.includes(wanted) ? wanted : "doors";
  for (const each of PARTS) show(find(`view-${each}`), each === part);
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.getAttribute("href") === `#${part}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${part[0].toUpperCase()}${part.slice(1)} · streamauth`;
  doors.pause();
  if (part === "doors") doors.begin();
  else if (part === "events") events.load();
  else if (part === "audit") audit.load();
  else for (const table of tables[/** @type {"people" | "schedules"} */ (part)]) table.load();
}

find("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (find("key"));
  const key = field.value;
  field.value = "";
  try {
    enter(await signIn(key));
  } catch (error) {
    askForKey(error instanceof ServerError ? error.message : "This did not work. Try again.");
  }
});
find("sign-out").addEventListener("click", async () => {
  await signOut().catch(failed);
  askForKey("");
});
addEventListener("hashchange", open);
whoAmI().then(enter, (error) => {
  askForKey(error instanceof ServerError ? error.message : "The server cannot be reached.");
});
