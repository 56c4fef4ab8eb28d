/** The page: which view, what was filled in, and one attempt after the other. */

import { AttemptView } from "./attempt.js";
import { find, show } from "./dom.js";
import { ProfilesView } from "./profiles.js";
import { facts, signedIn, tokenFor } from "./server.js";
import { watchPhrase } from "./strength.js";
import { microphonePermission, microphones, StreamAuthError, VoiceSession } from "./streamauth.js";

/** @typedef {"verify" | "enroll" | "identify" | "profiles"} View */

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
    lead: "Say one phrase several times. It becomes a voiceprint.",
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
  profiles: { title: "Profiles", heading: "", lead: "", start: "", name: "" },
};

/** @type {Record<number, string>} */
const TIMES = { 1: "once", 2: "twice", 3: "three times", 4: "four times", 5: "five times" };

const form = /** @type {HTMLFormElement} */ (find("form"));
const panels = ["panel-form", "panel-ask", "panel-live", "panel-profiles", "panel-result"].map(find);
const attempt = new AttemptView();
const profiles = new ProfilesView((name) => {
  /** @type {HTMLInputElement} */ (find("name")).value = name;
});

/** @type {View} */
let view = "verify";
/** @type {VoiceSession | null} */
let session = null;

/** @param {string} id */
function only(id) {
  for (const panel of panels) panel.hidden = panel.id !== id;
  // small screens are laid out by what is shown
  document.body.dataset.panel = id;
}

/** @param {{focus: boolean}} options */
function toForm({ focus }) {
  attempt.rest();
  if (view === "profiles") {
    only("panel-profiles");
    void profiles.load();
    return;
  }
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
  if (signedIn() && !options.token) {
    try {
      options = { ...options, token: await tokenFor(options) };
    } catch (error) {
      problem(error instanceof Error ? error.message : "The server gave no token.");
      only("panel-form");
      return;
    }
  }
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

/** Promise what is so on this server. */
async function tellFacts() {
  const known = await facts();
  if (known === null) return;
  attempt.utterances = known.utterances;
  attempt.freeSpeech_s = known.free_speech_s;
  const kept = known.keeps_audio;
  find("kept").textContent = kept ? "Recordings of enrollments are kept there, sealed." : "No recording is kept.";
  find("ask-kept").textContent = kept
    ? "It is judged as it arrives. Of an enrollment, the recording is kept there, sealed."
    : "It is judged as it arrives and is not stored.";
  const times = TIMES[known.utterances] ?? `${known.utterances} times`;
  VIEWS.enroll.lead = `Say one phrase ${times}. It becomes a voiceprint, and the recordings are ${kept ? "kept, sealed" : "not kept"}.`;
  if (view === "enroll") find("lead").textContent = VIEWS.enroll.lead;
}

function route() {
  const wanted = location.hash.slice(1);
  // an address that nobody knows any more leads to the first view, and is put right
  if (!Object.hasOwn(VIEWS, wanted) && location.hash) history.replaceState(null, "", "#verify");
  toView(Object.hasOwn(VIEWS, wanted) ? /** @type {View} */ (wanted) : "verify");
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
find("dial-start").addEventListener("click", () => {
  if (!find("panel-form").hidden) void begin();
});
for (const skip of document.querySelectorAll(".skip")) {
  skip.addEventListener("click", (event) => {
    // the address is the view's, so the link only moves the focus
    event.preventDefault();
    find("talk").focus();
  });
}
for (const link of document.querySelectorAll(".bar a")) {
  // the way back from an outcome: going to where one is already changes no address
  link.addEventListener("click", () => link.getAttribute("href") === location.hash && route());
}
find("host").textContent = find("ask-host").textContent = location.host || "this machine";
route();
watchPhrase();
void listDevices();
void tellFacts();
