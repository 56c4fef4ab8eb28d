/** One attempt as a person sees it: what to do, what is heard, how it stands, how it ended. */

import { Curve, heightOf } from "./curve.js";
import { find, show } from "./dom.js";
import { figure, reason, t } from "./language.js";
import { Meter } from "./meter.js";
import { Outcome } from "./outcome.js";
import { Progress } from "./reading.js";
import { respelled } from "./respelling.js";
import { fillRanking } from "./ranking.js";
import { Ring } from "./ring.js";
import { SpokenWords } from "./spoken.js";

/** @typedef {import("./streamauth.js").Message} Message */
/** @typedef {import("./streamauth.js").SessionOptions} SessionOptions */
/** @typedef {import("./ring.js").Mood} Mood */

/** The panel of the running attempt, and the dial beside it. */
export class AttemptView {
  #ring = new Ring(/** @type {HTMLCanvasElement} */ (find("ring")));
  #meter = new Meter();
  #curve = new Curve(find("curve"));
  #words = new SpokenWords(find("say"));
  #outcome = new Outcome();
  /** @type {SessionOptions} */ #options = { mode: "verify" };
  #progress = new Progress();
  /** How many utterances an enrollment takes here. */
  utterances = 3;
  /** How much free speech, in seconds. */
  freeSpeech_s = 20;
  #timer = 0;

  /** No attempt is running. */
  rest() {
    this.#ring.clear(1);
    this.#progress.clear();
    this.#mood("idle", "");
    show(find("level"), false);
  }

  /**
   * Show an attempt from its begin.
   * @param {import("./streamauth.js").VoiceSession} session
   * @param {SessionOptions} options
   */
  follow(session, options) {
    this.#options = options;
    const guided = options.mode === "enroll" && !options.text_independent;
    const free = options.mode === "enroll" && Boolean(options.text_independent);
    this.#ring.clear(guided ? this.utterances : 1);
    this.#meter.clear();
    this.#curve.clear();
    const headline = t(`say.${this.#instruction()}`);
    this.#words.show(free ? t("free.text") : (options.phrase ?? headline), { told: !options.phrase && !free });
    find("say").classList.toggle("reading", free);
    clearInterval(this.#timer);
    for (const id of ["sounds", "notice", "standing", "live-ranking", "steps", "progress"]) show(find(id), false);
    find("heard").textContent = "";
    // words that light up need not stand there twice
    show(find("heard"), !options.phrase);
    find("done").textContent = t(options.mode === "enroll" ? "live.said" : "live.finished");
    show(find("done"), false);
    delete find("say").dataset.verdict;
    if (guided) this.#steps(0, this.utterances);
    this.#progress.clear();
    if (free) this.#progress.begin(this.freeSpeech_s);
    /** @type {Record<string, (message: any) => void>} */
    const handlers = {
      state: ({ state }) => this.#state(state),
      input: (level) => {
        this.#ring.push(level.rms_dbfs);
        this.#meter.push(level);
        if (free) this.#progress.push(level.rms_dbfs);
      },
      prompt: (message) => this.#prompt(message),
      pronunciation: (message) => this.#pronunciation(message),
      words: (message) => this.#heard(message),
      score: (message) => this.#curve.add(message),
      band: (message) => this.#band(message),
      ranking: (message) => this.#ranking(message.ranking),
      decision: (message) => this.#decision(message),
      utterance_taken: (message) => this.#taken(message),
      utterance_refused: (message) => this.#refused(message),
    };
    for (const [type, handler] of Object.entries(handlers)) {
      session.addEventListener(type, (event) => handler(/** @type {CustomEvent} */ (event).detail));
    }
  }

  /** @param {Message} outcome */
  conclude(outcome) {
    clearInterval(this.#timer);
    const mood = outcome.type === "enrolled" ? "accept" : outcome.decision;
    if (this.#options.mode !== "enroll" || this.#options.text_independent) this.#ring.close(mood);
    this.#progress.clear();
    this.#mood(mood, "");
    show(find("level"), false);
    this.#outcome.show(outcome, this.#options);
  }

  /** @param {import("./streamauth.js").StreamAuthError} error */
  fail(error) {
    clearInterval(this.#timer);
    this.#ring.close("undecided");
    this.#progress.clear();
    this.#mood("error", "");
    show(find("level"), false);
    this.#outcome.showFailure(error);
  }

  /** @param {string} sentence For screen readers; what is seen says the same. */
  say(sentence) {
    find("status").textContent = sentence;
  }

  /** @param {import("./streamauth.js").State} state */
  #state(state) {
    const title = find("live-title");
    show(find("level"), state === "listening");
    show(find("done"), state === "listening");
    if (state === "microphone") {
      title.textContent = t("live.microphone");
      find("say-help").textContent = t("live.microphoneHelp");
      this.#mood("wait", t("live.microphoneWord"));
    } else if (state === "connecting") {
      title.textContent = t("live.connecting");
      find("say-help").textContent = t("live.connectingHelp");
      this.#mood("wait", t("live.connecting"));
    } else if (state === "listening") {
      const { name } = this.#options;
      title.textContent = name ? t("live.listeningFor", { name }) : t("live.listening");
      const help = t(`say.${this.#instruction()}Help`);
      find("say-help").textContent = help;
      this.#mood("live", t("live.listening"));
      this.say(`${t("live.listening")}. ${find("say").textContent ?? ""} ${help}`);
    } else if (state === "deciding") {
      title.textContent = t("live.deciding");
      this.#mood("wait", t("live.deciding"));
      this.say(`${t("live.deciding")}.`);
    }
  }

  #instruction() {
    const { mode, text_independent, prompt } = this.#options;
    if (mode === "enroll") return text_independent ? "free" : "repeat";
    if (prompt) return "prompt";
    return mode === "identify" ? "talk" : mode === "continuous" ? "stay" : "phrase";
  }

  /** @param {Message} message */
  #prompt({ text, after_phrase, expires_s }) {
    this.#words.show(text, { told: false });
    const first = t(after_phrase ? "say.promptAfter" : "say.promptAlone");
    const until = performance.now() + 1000 * expires_s;
    const left = () => {
      const seconds = Math.max(0, Math.round((until - performance.now()) / 1000));
      find("say-help").textContent = `${first} ${t("say.promptLeft", { seconds })}`;
      if (!seconds) clearInterval(this.#timer);
    };
    left();
    clearInterval(this.#timer);
    this.#timer = setInterval(left, 1000);
    this.say(`${first} ${text}`);
  }

  /** @param {Message} message */
  #pronunciation({ words }) {
    const sentences = Object.entries(words).map(([word, sounds]) => {
      const spelled = sounds.map((/** @type {string} */ each) => `“${respelled(each)}”`).join(` ${t("say.or")} `);
      return t("say.unknown", { word, sounds: spelled });
    });
    find("sounds").textContent = sentences.join(" ");
    show(find("sounds"), true);
    // after what is just being said, not in its place
    this.say(`${find("status").textContent} ${find("sounds").textContent}`);
  }

  /** @param {Message} message */
  #heard({ text, final }) {
    this.#words.heard(text);
    find("heard").textContent = text ? `“${text}${final ? "”" : " …"}` : "";
  }

  /** @param {Message} message */
  #band(message) {
    if (this.#options.mode !== "identify") {
      this.#curve.add(message);
      return;
    }
    const height = heightOf(message) ?? 0;
    const sentence = t(height > 0 ? "say.someone" : "say.noOne");
    show(find("standing"), true);
    find("standing").textContent = sentence;
  }

  /** @param {{name: string, llr: number}[]} ranking */
  #ranking(ranking) {
    fillRanking(find("live-ranking"), ranking);
  }

  /** @param {Message} message In continuous mode, one of several. */
  #decision(message) {
    if (this.#options.mode !== "continuous") return;
    const sentence = t(`stays.${message.decision}`);
    // the words are a secret, and whoever comes by could read them
    show(find("heard"), false);
    find("heard").textContent = "";
    this.#words.show(sentence, { told: true });
    find("say").dataset.verdict = message.decision;
    find("say-help").textContent = t("stays.help");
    this.#mood(message.decision, "");
    this.say(`${sentence} ${message.reasons.map(reason).join(" ")}`);
  }

  /** @param {Message} message */
  #taken({ count, needed, speech_s, needed_speech_s }) {
    const guided = !this.#options.text_independent;
    if (guided) {
      this.#ring.close("accept");
      this.#steps(count, count + needed);
    }
    if (!guided) this.#progress.told(speech_s, needed_speech_s);
    const more = guided
      ? needed === 0 ? t("taken.last") : needed === 1 ? t("taken.one") : t("taken.more", { count: needed })
      : needed_speech_s > 0 ? t("taken.seconds", { seconds: Math.ceil(needed_speech_s) }) : t("taken.enough");
    const sentence = guided
      ? t("taken.guided", { seconds: figure(speech_s, 1) })
      : t("taken.free", { seconds: figure(speech_s, 0) });
    this.#notice(`${sentence} ${more}`, true);
  }

  /** @param {Message} message */
  #refused({ reasons, heard }) {
    this.#ring.retry();
    const why = reasons.map(reason).join(" ");
    const words = heard ? ` ${t("refused.heard", { words: heard })}` : "";
    this.#notice(`${t("refused.first")} ${why}${words} ${t("refused.again")}`, false);
  }

  /**
   * @param {string} sentence
   * @param {boolean} good
   */
  #notice(sentence, good) {
    const notice = find("notice");
    notice.textContent = sentence;
    notice.toggleAttribute("data-good", good);
    show(notice, true);
    find("heard").textContent = "";
    this.#words.heard("");
    this.say(sentence);
  }

  /**
   * @param {number} done
   * @param {number} all
   */
  #steps(done, all) {
    this.utterances = all;
    const items = Array.from({ length: all }, (_, index) => {
      const item = document.createElement("li");
      item.dataset.state = index < done ? "done" : index === done ? "now" : "next";
      const which = index < NAMED ? t(`step.${index + 1}`) : String(index + 1);
      item.textContent = index < done ? `✓ ${which}` : which;
      if (index === done) item.setAttribute("aria-current", "step");
      return item;
    });
    find("steps").replaceChildren(...items);
    show(find("steps"), true);
  }

  /**
   * @param {Mood} mood
   * @param {string} word
   */
  #mood(mood, word) {
    find("dial").dataset.mood = mood;
    find("dial-word").textContent = word;
    this.#ring.mood = mood;
  }
}

/** Steps whose numbers have words. */
const NAMED = 5;
