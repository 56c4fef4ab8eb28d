/** The tables of who may pass when: read, changed row by row, and exchanged as files. */

import { parseCsv, writeCsv } from "./csv.js";
import { download, text } from "./doors-files.js";
import { find, make, show } from "./dom.js";
import { ServerError, ask } from "./server.js";

/** @typedef {{name: string, label: string, help?: string, kind?: "text" | "date" | "time" | "flag" | "secret", choices?: string[], shown?: boolean, needed?: boolean}} Column */
/** @typedef {import("./doors-live.js").Desk} Desk */
/** @typedef {Record<string, string>} Row */

/** @type {Record<string, {title: string, one: string, columns: Column[]}>} */
const TABLES = {
  people: {
    title: "People", one: "person",
    columns: [
      { name: "name", label: "Name", needed: true },
      { name: "profile", label: "Voice profile", help: "As streamauth profiles lists it; empty while they are not enrolled." },
      { name: "groups", label: "Groups", help: "Separated by spaces." },
      { name: "valid_from", label: "First day", kind: "date" },
      { name: "valid_until", label: "Last day", kind: "date" },
      { name: "suspended", label: "Suspended", kind: "flag" },
      { name: "needs_time", label: "Needs more time", kind: "flag" },
      { name: "badge", label: "Badge", help: "Its number, such as 159-1270." },
      { name: "pin", label: "New PIN", kind: "secret", help: "4 to 8 digits; empty leaves it, - takes it away.", shown: false },
      { name: "duress_profile", label: "Profile for a threat", shown: false },
      { name: "duress_pin", label: "New PIN for a threat", kind: "secret", shown: false },
    ],
  },
  permissions: {
    title: "Permissions", one: "permission",
    columns: [
      { name: "who", label: "Who", needed: true, help: "A person's name, or @ and a group." },
      { name: "door", label: "Door", needed: true, help: "Its name, or * for every door." },
      { name: "schedule", label: "Schedule", help: "Empty means always." },
    ],
  },
  schedules: {
    title: "Hours", one: "span",
    columns: [
      { name: "name", label: "Schedule", needed: true },
      { name: "days", label: "Days", needed: true, help: "mon-fri, or sat sun." },
      { name: "from", label: "From", kind: "time", needed: true },
      { name: "to", label: "To", kind: "time", needed: true, help: "24:00 is the end of the day; before From means on the next day." },
      { name: "on_holidays", label: "On holidays", choices: ["no", "yes", "only"] },
    ],
  },
  holidays: {
    title: "Holidays", one: "holiday",
    columns: [{ name: "day", label: "Day", needed: true, help: "2026-04-03, or 12-25 for each year." }],
  },
};

/**
 * @param {Desk} desk
 * @returns {{people: PlanTable[], schedules: PlanTable[]}} The tables of each part of the page.
 */
export function planTables(desk) {
  const made = (/** @type {string} */ kind) => new PlanTable(kind, desk);
  return { people: [made("people"), made("permissions")], schedules: [made("schedules"), made("holidays")] };
}

class PlanTable {
  #kind;
  #desk;
  #about;
  #body = document.createElement("tbody");
  /** @type {Row[]} */
  #rows = [];

  /**
   * @param {string} kind
   * @param {Desk} desk
   */
  constructor(kind, desk) {
    this.#kind = kind;
    this.#desk = desk;
    this.#about = TABLES[kind];
    this.#build();
  }

  async load() {
    try {
      this.#rows = parseCsv(await text(`/v1/door-plan/${this.#kind}`));
      this.#draw();
    } catch (error) {
      this.#desk.failed(error);
    }
  }

  get #shown() {
    return this.#about.columns.filter((column) => column.shown !== false);
  }

  #build() {
    const { title, one } = this.#about;
    const bar = make("div", "", "toolbar");
    const add = make("button", `Add ${one}`, "primary small");
    add.addEventListener("click", () => this.#edit(null));
    const save = make("button", "Download CSV", "quiet small");
    save.setAttribute("aria-label", `Download ${title} as CSV`);
    save.addEventListener("click", () => download(`/v1/door-plan/${this.#kind}`, `${this.#kind}.csv`).catch(this.#desk.failed));
    const file = make("label", this.#kind === "schedules" ? "Import CSV or iCal" : "Import CSV", "file small");
    const input = document.createElement("input");
    input.type = "file";
    input.accept = this.#kind === "schedules" ? ".csv,.ics,text/csv,text/calendar" : ".csv,text/csv";
    input.setAttribute("aria-label", `Import ${title}`);
    input.addEventListener("change", () => this.#import(input));
    file.append(input);
    bar.append(make("h2", title), add, file, save);

    const table = document.createElement("table");
    const head = document.createElement("tr");
    for (const column of this.#shown) {
      const cell = make("th", column.label);
      cell.setAttribute("scope", "col");
      head.append(cell);
    }
    head.append(document.createElement("td"));
    const top = document.createElement("thead");
    top.append(head);
    table.append(top, this.#body);
    const frame = make("div", "", "scroll");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", title);
    frame.append(table);
    find(`table-${this.#kind}`).append(bar, frame);
  }

  #draw() {
    const first = this.#about.columns[0].name;
    const rows = this.#rows.map((row) => {
      const line = document.createElement("tr");
      for (const column of this.#shown) {
        const cell = make("td", column.kind === "flag" && row[column.name] === "no" ? "" : (row[column.name] ?? ""));
        cell.dataset.label = column.label;
        line.append(cell);
      }
      const act = make("td", "", "act");
      for (const [label, kind, step] of /** @type {[string, string, () => void][]} */ ([
        ["Edit", "quiet small", () => this.#edit(row)],
        ["Remove", "quiet small", () => this.#remove(row)],
      ])) {
        const button = make("button", label, kind);
        button.setAttribute("aria-label", `${label} ${row[first]}`);
        button.addEventListener("click", step);
        act.append(button);
      }
      line.append(act);
      return line;
    });
    if (rows.length === 0) {
      const line = document.createElement("tr");
      const cell = make("td", "None yet.");
      cell.setAttribute("colspan", String(this.#shown.length + 1));
      line.append(cell);
      rows.push(line);
    }
    this.#body.replaceChildren(...rows);
  }

  /** @param {Row | null} row */
  #edit(row) {
    const dialog = /** @type {HTMLDialogElement} */ (find("row-edit"));
    const form = /** @type {HTMLFormElement} */ (find("row-form"));
    find("row-title").textContent = row === null ? `Add ${this.#about.one}` : `Change ${this.#about.one}`;
    show(find("row-problem"), false);
    const fields = this.#about.columns.map((column, i) => field(column, row, row !== null && this.#kind === "people" && i === 0));
    find("row-fields").replaceChildren(...fields);
    form.onsubmit = async (event) => {
      event.preventDefault();
      const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
      for (const column of this.#about.columns) if (column.kind === "flag") given[column.name] = given[column.name] ? "yes" : "no";
      try {
        await this.#save(row, given);
        dialog.close();
        this.#desk.say("Saved.");
        await this.load();
      } catch (error) {
        if (!(error instanceof ServerError) || error.code === "unauthorized") return this.#desk.failed(error);
        find("row-problem").textContent = error.message.replace(/^Line \d+: /, "");
        show(find("row-problem"), true);
      }
    };
    find("row-cancel").onclick = () => dialog.close();
    dialog.showModal();
  }

  /**
   * @param {Row | null} row
   * @param {Row} given
   */
  async #save(row, given) {
    if (this.#kind === "people") {
      if (row === null && this.#rows.some((each) => each.name === given.name)) {
        throw new ServerError("bad_plan", "Somebody has this name already. Change them, or take another name.");
      }
      return this.#put([given]);
    }
    const others = await this.#fresh();
    const place = row === null ? -1 : others.findIndex((each) => same(each, row));
    if (place >= 0) others[place] = given;
    else others.push(given);
    return this.#put(others);
  }

  /** @param {Row} row */
  async #remove(row) {
    const name = Object.values(row).filter(Boolean).slice(0, 4).join(", ");
    const text = this.#kind === "people" ? `PINs and permissions of ${row.name} go too; the voice profile and the log stay.` : name;
    if (!(await this.#desk.sure(`Remove this ${this.#about.one}?`, text, "Remove"))) return;
    try {
      if (this.#kind === "people") await ask("POST", "/v1/door-plan/people/remove", { name: row.name });
      else await this.#put((await this.#fresh()).filter((each) => !same(each, row)));
      await this.load();
    } catch (error) {
      this.#desk.failed(error);
    }
  }

  /** @param {HTMLInputElement} input */
  async #import(input) {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    const rest = this.#kind === "people" ? "People in it are added or changed; all others stay." : "It replaces the whole table.";
    if (!(await this.#desk.sure(`Import ${file.name}?`, rest, "Import"))) return;
    try {
      const { rows } = await ask("PUT", `/v1/door-plan/${this.#kind}`, { csv: await file.text() });
      this.#desk.say(`${rows} rows imported.`);
      await this.load();
    } catch (error) {
      this.#desk.failed(error);
    }
  }

  /** The table as it is at the server now: others may have changed it meanwhile. */
  async #fresh() {
    return parseCsv(await text(`/v1/door-plan/${this.#kind}`));
  }

  /** @param {Row[]} rows */
  async #put(rows) {
    const columns = this.#about.columns.map((column) => column.name);
    await ask("PUT", `/v1/door-plan/${this.#kind}`, { csv: writeCsv(columns, rows) });
  }
}

/**
 * @param {Column} column
 * @param {Row | null} row
 * @param {boolean} fixed
 */
function field(column, row, fixed) {
  const frame = make(column.kind === "flag" ? "label" : "div", "", column.kind === "flag" ? "tick" : "field");
  const id = `row-${column.name}`;
  const value = row?.[column.name] ?? "";
  if (column.choices) {
    const select = document.createElement("select");
    select.append(...column.choices.map((choice) => new Option(choice, choice, false, choice === value)));
    frame.append(labelled(id, column.label), Object.assign(select, { id, name: column.name }));
    return frame;
  }
  const input = document.createElement("input");
  Object.assign(input, { id, name: column.name, readOnly: fixed, required: column.needed ?? false, autocomplete: "off" });
  if (column.kind === "flag") {
    Object.assign(input, { type: "checkbox", checked: value === "yes" });
    frame.append(input, column.label);
    return frame;
  }
  if (column.kind === "date") input.type = "date";
  if (column.kind === "time") Object.assign(input, { inputMode: "numeric", placeholder: "07:00", pattern: "\\d{1,2}:\\d{2}" });
  if (column.kind === "secret") Object.assign(input, { type: "password", inputMode: "numeric", pattern: "\\d{4,8}|-", autocomplete: "new-password" });
  else input.value = value;
  frame.append(labelled(id, column.label), input);
  if (column.help) {
    const help = make("small", column.help);
    help.id = `${id}-help`;
    input.setAttribute("aria-describedby", help.id);
    frame.append(help);
  }
  return frame;
}

/**
 * @param {string} id
 * @param {string} label
 */
function labelled(id, label) {
  const made = make("label", label);
  made.setAttribute("for", id);
  return made;
}

/**
 * @param {Row} one
 * @param {Row} other
 */
function same(one, other) {
  return Object.keys(other).every((name) => one[name] === other[name]);
}
