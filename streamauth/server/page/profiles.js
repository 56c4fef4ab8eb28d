/** The profiles of this server, for who may see them: list, reset, unlock, delete; sign in where a key is needed. */

import { find, make, show } from "./dom.js";
import { ask, ServerError, signedIn, signIn } from "./server.js";

/** @typedef {import("./server.js").Profile} Profile */

const PAGE = 200;

export class ProfilesView {
  /** @param {(name: string) => void} enrollAgain Called after a reset, with the name. */
  constructor(enrollAgain) {
    this.enrollAgain = enrollAgain;
    find("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = /** @type {HTMLInputElement} */ (find("key"));
      signIn(field.value);
      field.value = "";
      void this.load();
    });
    find("sign-out").addEventListener("click", () => {
      signIn("");
      void this.load();
    });
  }

  /** Ask the server for the profiles, and show them. */
  async load() {
    this.#say("Asking the server …");
    show(find("sign-in"), false);
    show(find("sign-out"), signedIn());
    find("profiles").replaceChildren();
    try {
      const { profiles } = await ask("GET", `/v1/profiles?limit=${PAGE}`);
      this.#say(profiles.length ? "" : "Nobody is enrolled yet.");
      find("profiles").replaceChildren(...profiles.map((/** @type {Profile} */ each) => this.#row(each)));
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      const needsKey = error.code === "unauthorized" || error.code === "forbidden";
      this.#say(needsKey ? (signedIn() ? "This key does not open the list of profiles." : "") : error.message);
      show(find("sign-in"), needsKey);
    }
  }

  /** @param {Profile} profile */
  #row(profile) {
    const item = make("li", "");
    const state = profile.locked ? "locked" : profile.status === "enrolled" ? "enrolled" : "not enrolled yet";
    const failures = profile.failures ? `, ${profile.failures} failed` : "";
    item.append(make("span", profile.name, "who"), make("span", state + failures, "how"));
    const buttons = make("div", "", "row-buttons");
    const path = `/v1/profiles/${profile.id}`;
    if (profile.failures) buttons.append(this.#button("Unlock", profile, null, () => ask("POST", `${path}/unlock`)));
    const drop = `Drop the voice of ${profile.name}, to enroll anew?`;
    buttons.append(this.#button("Reset", profile, drop, async () => {
      await ask("POST", `${path}/reset`);
      this.enrollAgain(profile.name);
    }));
    const gone = `Delete ${profile.name} and every trace for good?`;
    buttons.append(this.#button("Delete", profile, gone, () => ask("DELETE", path)));
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
        button.textContent = "Sure?";
        this.#say(question);
        return;
      }
      button.disabled = true;
      try {
        await work();
        await this.load();
      } catch (error) {
        this.#say(error instanceof Error ? error.message : "That failed.");
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
