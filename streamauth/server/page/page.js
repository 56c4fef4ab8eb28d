/** The page: which view, what was filled in, and one attempt after the other. */

import { AttemptView } from "./attempt.js";
import { find, show } from "./dom.js";
import { fill, offerLanguages, t, translate } from "./language.js";
import { ProfilesView } from "./profiles.js";
import { facts, ServerError, tokenFor } from "./server.js";
import { whoAmI } from "./sign-in.js";
import { watchPhrase } from "./strength.js";
import { microphonePermission, microphones, StreamAuthError, VoiceSession } from "./streamauth.js";

/** @typedef {"verify" | "enroll" | "identify" | "profiles"} View */

/** @type {readonly View[]} */
const VIEWS = ["verify", "enroll", "identify", "profiles"];
/** Numbers of times that have words. */
const NAMED_TIMES = 5;

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
let starting = false;
/** @type {import("./server.js").Facts | null} */
let known = null;

/** @param {string} id */
function only(id) {
  for (const panel of panels) panel.hidden = panel.id !== id;
  // small screens are laid out by what is shown
  document.body.dataset.panel = id;
  /** @type {HTMLSelectElement} */ (find("language")).disabled = id === "panel-live";
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
  document.title = `${t(`${view}.title`)} · streamauth`;
  if (view !== "profiles") {
    find("title").textContent = t(`${view}.heading`);
    find("lead").textContent = view === "enroll" ? promise() : t(`${view}.lead`);
    find("start").textContent = t(`${view}.start`);
  }
  if (view === "verify" || view === "enroll") find("name-help").textContent = t(`${view}.name`);
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

/**
 * @param {string | null} sentence
 * @param {string} [at] The field that it is about, which gets the focus.
 */
function problem(sentence, at) {
  find("problem").textContent = sentence;
  show(find("problem"), sentence !== null);
  for (const id of ["name", "phrase"]) find(id).toggleAttribute("aria-invalid", false);
  if (at === undefined) return;
  find(at).setAttribute("aria-invalid", "true");
  find(at).focus();
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
  if (view === "identify") {
    const among = text("among")?.split(",").map((name) => name.trim()).filter(Boolean);
    return { mode: view, among, prompt: promptKind(text("prompt")), microphone };
  }
  if (view === "enroll") {
    const phrase = on("free") ? undefined : text("phrase");
    const consent = (on("agreed") && known?.consent) || undefined;
    return { mode: view, name: text("name"), phrase, text_independent: on("free") || undefined, consent, microphone };
  }
  const mode = on("stay") ? "continuous" : "verify";
  return { mode, name: text("name"), prompt: promptKind(text("prompt")), microphone };
}

/** @param {string | undefined} text */
function promptKind(text) {
  return text === "digits" || text === "words" ? text : undefined;
}

async function begin() {
  const options = filledIn();
  if (view !== "identify" && !options.name) {
    problem(t("form.needsName"), "name");
    return;
  }
  // what the recognizer would write down by itself is often not what was said
  if (view === "enroll" && !options.phrase && !options.text_independent) {
    problem(t("form.needsPhrase"), "phrase");
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
  if (session || starting) return;
  starting = true;
  try {
    // who is signed in by a key has a token made for each attempt
    if ((await whoAmI())?.key_id) options = { ...options, token: await tokenFor(options) };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    attempt.fail(new StreamAuthError(error.code, error.message));
    only("panel-result");
    find("verdict").focus();
    return;
  } finally {
    starting = false;
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
      attempt.say(t("live.stopped"));
      toForm({ focus: true });
      return;
    }
    attempt.fail(error);
  } finally {
    if (session === running) session = null;
  }
  only("panel-result");
  find("verdict").focus();
  void listDevices();
}

async function listDevices() {
  const select = /** @type {HTMLSelectElement} */ (find("device"));
  const options = (await microphones()).map((device, index) => new Option(device.label || t("form.deviceNumber", { number: index + 1 }), device.deviceId));
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...options);
  select.value = options.some((option) => option.value === chosen) ? chosen : "";
}

/** What an enrollment takes and leaves on this server; nothing is promised before that is known. */
function promise() {
  const count = attempt.utterances;
  const times = count <= NAMED_TIMES ? t(`times.${count}`) : t("times.n", { count });
  const kept = known === null ? "" : known.keeps_audio ? "Kept" : "NotKept";
  return t(`enroll.lead${kept}`, { times });
}

/** Say what is so on this server, in the language of the page. */
function tellFacts() {
  const host = document.createElement("strong");
  host.textContent = location.host || "localhost";
  host.id = "ask-host";
  fill(find("ask-where"), t("ask.where"), { host });
  find("where").textContent = t("foot.where", { host: host.textContent });
  const command = document.createElement("code");
  command.textContent = "streamauth keys create";
  fill(find("key-help"), t("profiles.keyHelp"), { command });
  find("ask-kept").textContent = t(known === null ? "ask.judged" : known.keeps_audio ? "ask.kept" : "ask.notKept");
  find("kept").textContent = known === null ? "" : t(known.keeps_audio ? "foot.kept" : "foot.notKept");
  find("free-text").textContent = t("form.free", { seconds: attempt.freeSpeech_s });
  find("consent-text").textContent = t("form.agreed", { version: known?.consent ?? "" });
  show(find("consent"), Boolean(known?.consent));
  if (view === "enroll") find("lead").textContent = promise();
}

async function askFacts() {
  known = await facts();
  if (known === null) return;
  attempt.utterances = known.utterances;
  attempt.freeSpeech_s = known.free_speech_s;
  tellFacts();
}

function route() {
  const wanted = location.hash.slice(1);
  // an address that nobody knows any more leads to the first view, and is put right
  const found = VIEWS.find((each) => each === wanted);
  if (!found && location.hash) history.replaceState(null, "", "#verify");
  toView(found ?? "verify");
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
offerLanguages(/** @type {HTMLSelectElement} */ (find("language")), () => {
  tellFacts();
  route();
  void listDevices();
});
translate();
tellFacts();
route();
watchPhrase();
void listDevices();
void askFacts();
