/** What happened at doors, and the audit log, as tables. */

import { find, make, show } from "./dom.js";
import { download } from "./doors-files.js";
import { clock, WORDS } from "./doors-words.js";
import { ask } from "./server.js";

const EVENTS = 500;
const ENTRIES = 100;

export class EventsView {
  #failed;

  /** @param {(error: unknown) => void} failed */
  constructor(failed) {
    this.#failed = failed;
    find("event-door").addEventListener("change", () => this.load());
    find("event-download").addEventListener("click", async () => {
      const since = Date.now() - 90 * 86_400_000;
      await download(`/v1/door-events?limit=10000&since_ms=${since}${this.#of("&")}`, "door-events.csv").catch(failed);
    });
  }

  async load() {
    try {
      const [{ doors }, { events }] = await Promise.all([
        ask("GET", "/v1/doors"),
        ask("GET", `/v1/door-log?limit=${EVENTS}${this.#of("&")}`),
      ]);
      this.#offer(doors.map((/** @type {{name: string}} */ door) => door.name));
      fill("event-table", events, (/** @type {import("./doors-live.js").DoorEvent} */ event) => [
        make("time", clock(event.at_ms)),
        event.door,
        WORDS.events[event.event] ?? event.event,
        event.person ?? "",
        WORDS.reasons[event.reason] ?? event.reason,
      ]);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {string} joint */
  #of(joint) {
    const door = /** @type {HTMLSelectElement} */ (find("event-door")).value;
    return door ? `${joint}door=${encodeURIComponent(door)}` : "";
  }

  /** @param {string[]} names */
  #offer(names) {
    const select = /** @type {HTMLSelectElement} */ (find("event-door"));
    const chosen = select.value;
    select.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
    select.value = names.includes(chosen) ? chosen : "";
  }
}

export class AuditView {
  #failed;
  /** @type {{number: number}[]} */
  #entries = [];

  /** @param {(error: unknown) => void} failed */
  constructor(failed) {
    this.#failed = failed;
    find("audit-more").addEventListener("click", () => this.#more());
  }

  async load() {
    this.#entries = [];
    await this.#more();
  }

  async #more() {
    const last = this.#entries.at(-1);
    const before = last ? `&before=${last.number}` : "";
    try {
      const { entries } = await ask("GET", `/v1/audit?limit=${ENTRIES}${before}`);
      this.#entries.push(...entries);
      show(find("audit-more"), entries.length === ENTRIES);
      fill("audit-table", this.#entries, (/** @type {any} */ entry) => [
        String(entry.number), make("time", clock(entry.at_ms)), entry.actor, entry.action, entry.subject, entry.outcome,
      ]);
    } catch (error) {
      this.#failed(error);
    }
  }
}

/**
 * @template Item
 * @param {string} id
 * @param {Item[]} items
 * @param {(item: Item) => (string | HTMLElement)[]} cells
 */
function fill(id, items, cells) {
  const labels = [...find(id).querySelectorAll("th")].map((heading) => heading.textContent ?? "");
  const rows = items.map((item) => {
    const row = document.createElement("tr");
    for (const [i, content] of cells(item).entries()) {
      const cell = document.createElement("td");
      cell.dataset.label = labels[i];
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  find(id).querySelector("tbody")?.replaceChildren(...rows);
}
