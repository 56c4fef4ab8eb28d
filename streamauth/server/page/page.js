/** The page: which view, what was filled in, and one attempt after the other. */

import { AttemptView } from "./attempt.js";
import { find, show } from "./dom.js";
import { microphonePermission, microphones, StreamAuthError, VoiceSession } from "./streamauth.js";

/** @typedef {"verify" | "enroll" | "identify"} View */

/** @type {Record<View, {title: string, heading: string, lead: string, start: string, name: string}>} */
const VIEWS = {
  verify: {
    title: "Verify",
    heading: "Is it you?",
    lead: "Say who you are in the field, then say your phrase aloud. The answer comes while you speak.",
    start: "Start speaking",
    name: "The name you enrolled with.",
  },
  enroll: {
    title: "Enroll",
    heading: "Teach it your voice.",
    lead: "Say one phrase three times. It becomes a voiceprint, and the recordings are not kept.",
    start: "Start recording",
    name: "Any name that you will know again.",
  },
  identify: {
    title: "Identify",
    heading: "Who is speaking?",
    lead: "Talk for a few seconds, about anything. The voice is compared with those enrolled here.",
    start: "Start listening",
    name: "",
  },
};

const form = /** @type {HTMLFormElement} */ (find("form"));
const panels = ["panel-form", "panel-ask", "panel-live", "panel-result"].map(find);
const attempt = new AttemptView();

/** @type {View} */
let view = "verify";
/** @type {VoiceSession | null} */
let session = null;

/** @param {string} id */
function only(id) {
  for (const panel of panels) panel.hidden = panel.id !== id;
}

/** @param {{focus: boolean}} options */
function toForm({ focus }) {
  attempt.rest();
  only("panel-form");
  if (focus) find(view === "identify" ? "start" : "name").focus();
}

/** @param {View} next */
function toView(next) {
  session?.cancel();
  session = null;
  view = next;
  const texts = VIEWS[view];
  document.title = `${texts.title} · streamauth`;
  find("title").textContent = texts.heading;
  find("lead").textContent = texts.lead;
  find("start").textContent = texts.start;
  find("name-help").textContent = texts.name;
  for (const part of document.querySelectorAll("[data-for]")) {
    show(/** @type {HTMLElement} */ (part), (part.getAttribute("data-for") ?? "").split(" ").includes(view));
  }
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.getAttribute("data-view") === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  problem(null);
  toForm({ focus: false });
}

/** @param {string | null} sentence */
function problem(sentence) {
  find("problem").textContent = sentence;
  show(find("problem"), sentence !== null);
  const name = find("name");
  if (sentence === null) name.removeAttribute("aria-invalid");
  else name.setAttribute("aria-invalid", "true");
}

/** @returns {import("./streamauth.js").SessionOptions} */
function filledIn() {
  const data = new FormData(form);
  const text = (/** @type {string} */ field) => String(data.get(field) ?? "").trim() || undefined;
  const on = (/** @type {string} */ field) => data.get(field) === "on";
  const microphone = {
    deviceId: text("device"),
    echoCancellation: on("echoCancellation"),
    noiseSuppression: on("noiseSuppression"),
    autoGainControl: on("autoGainControl"),
  };
  const token = text("token");
  if (view === "identify") {
    const among = text("among")?.split(",").map((name) => name.trim()).filter(Boolean);
    return { mode: view, among, prompt: promptKind(text("prompt")), token, microphone };
  }
  if (view === "enroll") {
    const phrase = on("free") ? undefined : text("phrase");
    return { mode: view, name: text("name"), phrase, text_independent: on("free") || undefined, token, microphone };
  }
  const mode = on("stay") ? "continuous" : "verify";
  return { mode, name: text("name"), prompt: promptKind(text("prompt")), token, microphone };
}

/** @param {string | undefined} text */
function promptKind(text) {
  return text === "digits" || text === "words" ? text : undefined;
}

async function begin() {
  const options = filledIn();
  // a session token says by itself who it is for
  if (view !== "identify" && !options.name && !options.token) {
    problem("Fill in the name first.");
    find("name").focus();
    return;
  }
  problem(null);
  const permission = await microphonePermission();
  if (permission === "prompt" || permission === "unknown") {
    only("panel-ask");
    find("ask-title").focus();
  } else {
    await run(options);
  }
}

/** @param {import("./streamauth.js").SessionOptions} options */
async function run(options) {
  if (session) return;
  const running = new VoiceSession(options);
  session = running;
  only("panel-live");
  attempt.follow(running, options);
  find("live-title").focus();
  try {
    attempt.conclude(await running.run());
  } catch (error) {
    if (session !== running) return;
    if (!(error instanceof StreamAuthError)) throw error;
    if (error.code === "cancelled") {
      attempt.say("Stopped. Nothing was accepted.");
      toForm({ focus: true });
      return;
    }
    attempt.fail(error);
  } finally {
    // a token is good for one attempt
    /** @type {HTMLInputElement} */ (find("token")).value = "";
    if (session === running) session = null;
  }
  only("panel-result");
  find("verdict").focus();
  void listDevices();
}

async function listDevices() {
  const select = /** @type {HTMLSelectElement} */ (find("device"));
  const options = (await microphones()).map((device, index) => new Option(device.label || `Microphone ${index + 1}`, device.deviceId));
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...options);
  select.value = options.some((option) => option.value === chosen) ? chosen : "";
}

function route() {
  const wanted = location.hash.slice(1);
  if (wanted in VIEWS) toView(/** @type {View} */ (wanted));
  else if (!location.hash) toView("verify");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void begin();
});
find("free").addEventListener("change", (event) => {
  const free = /** @type {HTMLInputElement} */ (event.target).checked;
  /** @type {HTMLInputElement} */ (find("phrase")).disabled = free;
});
find("ask-yes").addEventListener("click", () => void run(filledIn()));
find("ask-no").addEventListener("click", () => toForm({ focus: true }));
find("done").addEventListener("click", () => (view === "enroll" ? session?.endUtterance() : session?.end()));
find("stop").addEventListener("click", () => session?.cancel());
find("again").addEventListener("click", () => void begin());
find("onward").addEventListener("click", () => (location.hash = "verify"));
find("change").addEventListener("click", () => toForm({ focus: true }));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") session?.cancel();
});
addEventListener("hashchange", route);
for (const link of document.querySelectorAll(".bar a")) {
  // the way back from an outcome: going to where one is already changes no address
  link.addEventListener("click", () => link.getAttribute("href") === location.hash && route());
}
find("host").textContent = find("ask-host").textContent = location.host || "this machine";
route();
void listDevices();
