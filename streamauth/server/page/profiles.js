/** The profiles of this server, for who may see them: list, reset, unlock, delete; sign in where a key is needed. */

import { find, make, show } from "./dom.js";
import { sentence, t } from "./language.js";
import { ask, ServerError } from "./server.js";
import { signIn, signOut, whoAmI } from "./sign-in.js";

/** @typedef {import("./server.js").Profile} Profile */

const PAGE = 200;

export class ProfilesView {
  /** @param {(name: string) => void} enrollAgain Called after a reset, with the name. */
  constructor(enrollAgain) {
    this.enrollAgain = enrollAgain;
    this.loads = 0;
    /** The last profile that is shown, where there are more. @type {string | null} */
    this.next = null;
    find("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = /** @type {HTMLInputElement} */ (find("key"));
      const key = field.value;
      field.value = "";
      void this.#signIn(key);
    });
    find("profiles-more").addEventListener("click", () => void this.#list(this.loads));
    find("sign-out").addEventListener("click", async () => {
      this.loads += 1;
      find("profiles").replaceChildren();
      await signOut().catch(() => {}); // where the server is gone, what comes next says so
      void this.load();
    });
  }

  /** Ask the server for the profiles, and show them. */
  async load() {
    const load = ++this.loads;
    // who signed out meanwhile, or asked anew, must not see what an earlier question brings
    const late = () => load !== this.loads;
    this.#say(t("profiles.asking"));
    for (const id of ["sign-in", "sign-out", "profiles-more"]) show(find(id), false);
    find("profiles").replaceChildren();
    this.next = null;
    try {
      const who = await whoAmI();
      if (late()) return;
      show(find("sign-in"), who === null);
      show(find("sign-out"), Boolean(who?.key_id));
      if (who?.scopes.includes("admin")) await this.#list(load);
      else this.#say(who ? t("profiles.notOpen") : "");
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (!late()) this.#say(sentence(error));
    }
  }

  /**
   * Show some more of the profiles.
   * @param {number} load Of which they are.
   */
  async #list(load) {
    try {
      const after = this.next ? `&after=${this.next}` : "";
      const { profiles, next } = await ask("GET", `/v1/profiles?limit=${PAGE}${after}`);
      if (load !== this.loads) return;
      this.next = next;
      find("profiles").append(...profiles.map((/** @type {Profile} */ each) => this.#row(each)));
      show(find("profiles-more"), next !== null);
      this.#say(find("profiles").childElementCount ? "" : t("profiles.nobody"));
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (load === this.loads) this.#say(sentence(error));
    }
  }

  /** @param {string} key */
  async #signIn(key) {
    try {
      await signIn(key);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#say(error.code === "unauthorized" ? t("profiles.wrongKey") : sentence(error));
      return;
    }
    await this.load();
  }

  /** @param {Profile} profile */
  #row(profile) {
    const { name } = profile;
    const item = make("li", "");
    const state = t(profile.locked ? "profiles.locked" : profile.status === "enrolled" ? "profiles.enrolled" : "profiles.enrolling");
    const failures = profile.failures ? `, ${t("profiles.failed", { count: profile.failures })}` : "";
    item.append(make("span", name, "who"), make("span", state + failures, "how"));
    const buttons = make("div", "", "row-buttons");
    const path = `/v1/profiles/${profile.id}`;
    if (profile.failures) {
      buttons.append(this.#button(t("profiles.unlock"), profile, null, () => ask("POST", `${path}/unlock`)));
    }
    buttons.append(this.#button(t("profiles.reset"), profile, t("profiles.resetSure", { name }), async () => {
      await ask("POST", `${path}/reset`);
      this.enrollAgain(name);
    }));
    buttons.append(this.#button(t("profiles.delete"), profile, t("profiles.deleteSure", { name }), () => ask("DELETE", path)));
    item.append(buttons);
    return item;
  }

  /**
   * A button that asks once more where what it does cannot be undone.
   * @param {string} text
   * @param {Profile} profile
   * @param {string | null} question
   * @param {() => Promise<unknown>} work
   */
  #button(text, profile, question, work) {
    const button = /** @type {HTMLButtonElement} */ (make("button", text, "quiet small"));
    button.type = "button";
    button.setAttribute("aria-label", `${text} ${profile.name}`);
    button.addEventListener("click", async () => {
      if (question !== null && button.dataset.sure === undefined) {
        button.dataset.sure = "";
        button.textContent = t("profiles.sure");
        this.#say(question);
        return;
      }
      button.disabled = true;
      try {
        await work();
        await this.load();
      } catch (error) {
        this.#say(error instanceof ServerError ? sentence(error) : t("profiles.not"));
        button.disabled = false;
      }
    });
    return button;
  }

  /** @param {string} sentence */
  #say(sentence) {
    find("profiles-told").textContent = sentence;
  }
}
