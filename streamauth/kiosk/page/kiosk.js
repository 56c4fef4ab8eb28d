/** The screen: shows what the kiosk tells, in the visitor's language. It opens nothing; the kiosk does. */

import { Pad } from "./pad.js";
import { Ring } from "./ring.js";
import { play } from "./sounds.js";
import { TEXTS } from "./texts.js";

/** @typedef {{view: string, words: string, phrase: boolean, name: string}} Screen */
/** @typedef {{door: string, by: "voice" | "touch" | "claim" | "either", touch: boolean, languages: string[], operator: string, contact: string}} Kiosk */

const SILENT_MS = 12_000;
const LANGUAGE_BACK_MS = 60_000;
const SMALLEST_FIT = 0.4;

/** @param {string} id */
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Kiosk} */
let kiosk = { door: "", by: "voice", touch: false, languages: ["en"], operator: "", contact: "" };
/** @type {Screen} */
let screen = { view: "starting", words: "", phrase: false, name: "" };
let language = "en";
let heardAt = performance.now();
let languageAt = 0;

const ring = new Ring(/** @type {HTMLCanvasElement} */ (find("ring")));
const privacy = /** @type {HTMLDialogElement} */ (find("privacy"));
const pad = new Pad(
  { dialog: /** @type {HTMLDialogElement} */ (find("pad")), dots: find("dots"), keys: find("keys") },
  (text) => tell("claim", { text }),
);

/**
 * Tell the kiosk what the visitor did. Nothing of it can open the door.
 * @param {"touch" | "cancel" | "ring" | "claim"} what
 * @param {Record<string, string>} [fields]
 */
function tell(what, fields = {}) {
  void fetch(`/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) }).catch(() => undefined);
}

/** @returns {[string, string]} */
function wording() {
  const texts = TEXTS[language];
  switch (screen.view) {
    case "idle": return texts.idle[kiosk.by];
    case "listening": return screen.phrase ? texts.phrase : texts.listening;
    case "say": return screen.phrase ? texts.sayAfter : texts.say;
    case "welcome": return screen.name ? [texts.welcomeName.replace("{name}", screen.name), texts.welcome[1]] : texts.welcome;
    case "again": return texts.again;
    case "ring": return texts.ring;
    case "closed": return texts.closed;
    case "offline": return texts.offline;
    case "exit": return texts.exit;
    case "starting": return texts.starting;
    default: return texts.fault;
  }
}

function draw() {
  const texts = TEXTS[language];
  const [title, lead] = wording();
  document.documentElement.lang = language;
  document.title = title;
  document.body.dataset.view = screen.view;
  document.body.dataset.by = kiosk.by;
  find("door").textContent = kiosk.door;
  find("title").textContent = title;
  find("lead").textContent = lead;
  const words = find("words");
  words.hidden = screen.view !== "say";
  words.textContent = screen.words;
  words.classList.toggle("digits", /^[\d ]+$/.test(screen.words));
  find("say-aloud").textContent = [title, screen.words, lead].filter(Boolean).join(". ");
  const idle = screen.view === "idle";
  const { buttons } = texts;
  button("touch", buttons.touch, idle && kiosk.touch);
  button("pad-open", buttons.pin, idle && (kiosk.by === "claim" || kiosk.by === "either"));
  button("cancel", buttons.cancel, screen.view === "listening" || screen.view === "say");
  button("ring-bell", buttons.ring, screen.view !== "exit" && screen.view !== "starting");
  button("privacy-open", buttons.privacy, true);
  button("privacy-close", buttons.close, true);
  button("pad-close", buttons.close, true);
  find("pad-title").textContent = texts.padTitle;
  find("privacy-title").textContent = texts.privacyTitle;
  const operator = texts.operator.replace("{operator}", kiosk.operator).replace("{contact}", kiosk.contact).trim();
  const lines = kiosk.operator ? [...texts.privacy, operator] : texts.privacy;
  find("privacy-text").replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  drawLanguages();
  pad.speak(texts);
  fit();
}

/**
 * @param {string} id
 * @param {string} text
 * @param {boolean} shown
 */
function button(id, text, shown) {
  find(id).textContent = text;
  find(id).hidden = !shown;
}

function drawLanguages() {
  const box = find("languages");
  box.setAttribute("aria-label", TEXTS[language].buttons.language);
  box.hidden = kiosk.languages.length < 2;
  box.replaceChildren(
    ...kiosk.languages.map((code) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.lang = code;
      choice.textContent = TEXTS[code].own;
      choice.setAttribute("aria-label", TEXTS[code].full);
      choice.setAttribute("aria-pressed", String(code === language));
      choice.addEventListener("click", () => {
        language = code;
        languageAt = performance.now();
        draw();
      });
      return choice;
    }),
  );
}

/** Whatever the language, all of it is on the screen: large words get smaller until they fit. */
function fit() {
  const root = document.documentElement;
  const main = find("main");
  let scale = 1;
  root.style.setProperty("--fit", "1");
  const talk = /** @type {HTMLElement} */ (main.querySelector(".talk"));
  const over = () => {
    const room = main.getBoundingClientRect();
    const taken = talk.getBoundingClientRect();
    return taken.bottom > room.bottom + 0.5 || taken.top < room.top - 0.5 || [...talk.children].some((part) => part.scrollWidth > part.clientWidth + 1);
  };
  while (over() && scale > SMALLEST_FIT) {
    scale -= 0.04;
    root.style.setProperty("--fit", scale.toFixed(2));
  }
}

/** @param {Screen} next */
function show(next) {
  const changes = next.view !== screen.view;
  screen = next;
  if (changes) {
    ring.begin(next.view === "listening" || next.view === "say");
    if (next.view !== "idle") {
      privacy.close();
      pad.close();
    }
    play(next.view);
  }
  draw();
}

function tick() {
  const now = performance.now();
  find("clock").textContent = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format();
  if (now - heardAt > SILENT_MS && screen.view !== "out_of_order") show({ view: "out_of_order", words: "", phrase: false, name: "" });
  if (screen.view === "idle" && language !== kiosk.languages[0] && now - languageAt > LANGUAGE_BACK_MS) {
    language = kiosk.languages[0];
    draw();
  }
}

const events = new EventSource("/events");
events.addEventListener("kiosk", (event) => {
  heardAt = performance.now();
  kiosk = JSON.parse(event.data);
  kiosk.languages = kiosk.languages.filter((code) => code in TEXTS);
  language = kiosk.languages[0] ?? "en";
  draw();
});
events.addEventListener("screen", (event) => {
  heardAt = performance.now();
  show(JSON.parse(event.data));
});
events.addEventListener("level", (event) => {
  heardAt = performance.now();
  ring.push(Number(event.data));
});
events.addEventListener("beat", () => {
  heardAt = performance.now();
});

find("touch").addEventListener("click", () => tell("touch"));
find("cancel").addEventListener("click", () => tell("cancel"));
find("pad-open").addEventListener("click", () => pad.open());
find("pad-close").addEventListener("click", () => pad.close());
find("privacy-open").addEventListener("click", () => privacy.showModal());
find("privacy-close").addEventListener("click", () => privacy.close());
find("ring-bell").addEventListener("click", () => {
  tell("ring");
  const { ring: label, rung } = TEXTS[language].buttons;
  find("ring-bell").textContent = rung;
  find("say-aloud").textContent = rung;
  setTimeout(() => button("ring-bell", label, !find("ring-bell").hidden), 3000);
});
addEventListener("resize", fit);
document.addEventListener("contextmenu", (event) => event.preventDefault());
if ("wakeLock" in navigator) {
  const stayAwake = () => void navigator.wakeLock.request("screen").catch(() => undefined);
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
}
setInterval(tick, 1000);
tick();
draw();
