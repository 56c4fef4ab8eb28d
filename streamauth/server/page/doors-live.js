/** Doors as they stand now, their newest events, and the buttons that work them. */

import { find, make, show } from "./dom.js";
import { clock, worded, WORDS } from "./doors-words.js";
import { ServerError, ask } from "./server.js";

/** @typedef {{name: string, state: string, mode: string, problem: boolean, seen_at: string}} DoorState */
/** @typedef {{place: number, door: string, event: string, at_ms: number, person: string | null, reason: string}} DoorEvent */
/** @typedef {{say: (text: string) => void, sure: (title: string, text: string, yes: string) => Promise<boolean>, failed: (error: unknown) => void}} Desk */

const EVERY_MS = 2000;
const AWAY_S = 90;
const NEWS = 30;
const TAKEN_WITHIN_MS = 8000;
const ALARMS = ["forced", "held"];

export class DoorsView {
  #timer = 0;
  #after = 0;
  #desk;

  /** @param {Desk} desk */
  constructor(desk) {
    this.#desk = desk;
  }

  begin() {
    this.#after = 0;
    find("news").replaceChildren();
    this.#look();
  }

  pause() {
    clearTimeout(this.#timer);
  }

  async #look() {
    clearTimeout(this.#timer);
    try {
      const [{ doors }, { events }] = await Promise.all([
        ask("GET", "/v1/doors"),
        ask("GET", `/v1/door-log?limit=${NEWS}&after=${this.#after}`),
      ]);
      this.#show(doors);
      this.#tell(events);
      this.#live("Live", false);
    } catch (error) {
      if (!(error instanceof ServerError) || error.code === "unauthorized") return this.#desk.failed(error);
      this.#live(`${error.message} What is shown may be old.`, true);
    }
    if (document.body.dataset.stage === "in") this.#timer = setTimeout(() => this.#look(), EVERY_MS);
  }

  /**
   * @param {string} text
   * @param {boolean} lost
   */
  #live(text, lost) {
    find("live").textContent = text;
    find("live").toggleAttribute("data-lost", lost);
  }

  /** @param {DoorState[]} doors */
  #show(doors) {
    show(find("no-doors"), doors.length === 0);
    const list = find("door-list");
    const known = new Map([...list.children].map((card) => [/** @type {HTMLElement} */ (card).dataset.door, card]));
    // a card that stays keeps the focus that is in it
    for (const door of doors) {
      const card = known.get(door.name) ?? this.#made(door.name);
      known.delete(door.name);
      this.#fill(/** @type {HTMLElement} */ (card), door);
      if (!card.parentElement) list.append(card);
    }
    for (const gone of known.values()) gone.remove();
  }

  /** @param {string} name */
  #made(name) {
    const card = make("li", "", "card");
    card.dataset.door = name;
    const buttons = make("p", "", "buttons");
    card.append(make("h2", name), make("p", "", "state"), make("p", "", "note"), buttons);
    const add = (/** @type {string} */ label, /** @type {string} */ kind, /** @type {() => void} */ act) => {
      const button = make("button", label, kind);
      button.setAttribute("aria-label", `${label}: ${name}`);
      button.addEventListener("click", act);
      buttons.append(button);
    };
    add("Open", "primary", () => this.#command(name, "open"));
    add("Lock now", "quiet", () => this.#command(name, "lock"));
    add("Lockdown", "danger", () => this.#asked(name, "lockdown"));
    add("Evacuate", "quiet", () => this.#asked(name, "evacuate"));
    add("Back to normal", "primary", () => this.#asked(name, "normal"));
    return card;
  }

  /**
   * @param {HTMLElement} card
   * @param {DoorState} door
   */
  #fill(card, door) {
    const silent_s = (Date.now() - Date.parse(door.seen_at)) / 1000;
    const away = silent_s > AWAY_S;
    const alarm = ALARMS.includes(door.state);
    const special = door.mode !== "normal";
    card.dataset.look = away ? "away" : alarm ? "alarm" : special ? "lockdown" : door.state === "locked" ? "locked" : "open";
    const [, state, note, buttons] = card.children;
    state.textContent = (special ? `${WORDS.modes[door.mode]}, ` : "") + (WORDS.states[door.state] ?? door.state);
    note.textContent = away
      ? `Not heard of for ${worded(silent_s)}. Shown is how it stood then.`
      : door.problem
        ? "Something at this door needs you."
        : "";
    note.className = door.problem && !away ? "note bad" : "note";
    const [open, lock, lockdown, evacuate, normal] = buttons.children;
    show(/** @type {HTMLElement} */ (open), door.mode === "normal");
    show(/** @type {HTMLElement} */ (lock), door.state === "granted" && !special);
    show(/** @type {HTMLElement} */ (lockdown), door.mode !== "lockdown");
    show(/** @type {HTMLElement} */ (evacuate), door.mode !== "evacuation");
    show(/** @type {HTMLElement} */ (normal), special);
  }

  /** @param {DoorEvent[]} events The newest first. */
  #tell(events) {
    const list = find("news");
    for (const event of [...events].reverse()) {
      this.#after = Math.max(this.#after, event.place);
      const item = document.createElement("li");
      const when = make("time", clock(event.at_ms));
      const what = make("span", [WORDS.events[event.event] ?? event.event, event.person, WORDS.reasons[event.reason] ?? event.reason].filter(Boolean).join(" · "), "what");
      if (ALARMS.includes(event.event)) what.classList.add("alarm-text");
      item.append(when, make("span", event.door, "where"), what);
      list.prepend(item);
    }
    while (list.children.length > NEWS) list.lastElementChild?.remove();
    show(find("no-news"), list.children.length === 0);
  }

  /**
   * @param {string} door
   * @param {string} command
   */
  async #asked(door, command) {
    const [title, text, yes] = WORDS.questions[command];
    if (await this.#desk.sure(title.replace("%", door), text, yes)) await this.#command(door, command);
  }

  /**
   * @param {string} door
   * @param {string} command
   */
  async #command(door, command) {
    try {
      const address = `/v1/doors/${encodeURIComponent(door)}/commands`;
      const { id } = await ask("POST", address, { command });
      const until = Date.now() + TAKEN_WITHIN_MS;
      while (Date.now() < until) {
        if ((await ask("GET", `${address}/${id}`)).taken) {
          this.#desk.say(`The door ${door} has taken the command.`);
          this.#look();
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      this.#desk.say(`The door ${door} does not answer. The command is void: it is not carried out later.`);
    } catch (error) {
      this.#desk.failed(error);
    }
  }
}
