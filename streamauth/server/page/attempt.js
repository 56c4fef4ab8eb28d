/** One attempt as a person sees it: what to do, what is heard, how it stands, how it ended. */

import { Curve, heightOf } from "./curve.js";
import { find, show } from "./dom.js";
import { Meter } from "./meter.js";
import { Outcome } from "./outcome.js";
import { Progress, TEXT } from "./reading.js";
import { respelled } from "./respelling.js";
import { fillRanking } from "./ranking.js";
import { Ring } from "./ring.js";
import { SpokenWords } from "./spoken.js";
import { reasonText } from "./streamauth.js";

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
    const [headline] = INSTRUCTIONS[this.#instruction()];
    this.#words.show(free ? TEXT : (options.phrase ?? headline), { told: !options.phrase && !free });
    find("say").classList.toggle("reading", free);
    clearInterval(this.#timer);
    for (const id of ["sounds", "notice", "standing", "live-ranking", "steps", "progress"]) show(find(id), false);
    find("heard").textContent = "";
    // words that light up need not stand there twice
    show(find("heard"), !options.phrase);
    find("done").textContent = options.mode === "enroll" ? "I have said it" : "I have finished speaking";
    show(find("done"), false);
    delete find("say").dataset.verdict;
    if (guided) this.#steps(0, this.utterances);
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
    this.#mood(mood, "");
    show(find("level"), false);
    this.#outcome.show(outcome, this.#options);
  }

  /** @param {import("./streamauth.js").StreamAuthError} error */
  fail(error) {
    clearInterval(this.#timer);
    this.#ring.close("undecided");
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
    const named = this.#options.name ? ` for ${this.#options.name}` : "";
    const title = find("live-title");
    show(find("level"), state === "listening");
    show(find("done"), state === "listening");
    if (state === "microphone") {
      title.textContent = "Waiting for the microphone";
      find("say-help").textContent = "If the browser asks, allow it to use the microphone.";
      this.#mood("wait", "Microphone?");
    } else if (state === "connecting") {
      title.textContent = "Connecting";
      find("say-help").textContent = "One moment.";
      this.#mood("wait", "Connecting");
    } else if (state === "listening") {
      title.textContent = `Listening${named}`;
      const [, help] = INSTRUCTIONS[this.#instruction()];
      find("say-help").textContent = help;
      this.#mood("live", "Listening");
      this.say(`Listening. ${find("say").textContent ?? ""} ${help}`);
    } else if (state === "deciding") {
      title.textContent = "Deciding";
      this.#mood("wait", "Deciding");
      this.say("Deciding.");
    }
  }

  #instruction() {
    const { mode, phrase, text_independent, prompt } = this.#options;
    if (mode === "enroll") return text_independent ? "free" : phrase ? "repeat" : "invent";
    if (prompt) return "prompt";
    return mode === "identify" ? "talk" : mode === "continuous" ? "stay" : "phrase";
  }

  /** @param {Message} message */
  #prompt({ text, after_phrase, expires_s }) {
    this.#words.show(text, { told: false });
    const first = after_phrase ? "Say your pass phrase, and right after it these words." : "Say these words.";
    const until = performance.now() + 1000 * expires_s;
    const left = () => {
      const seconds = Math.max(0, Math.round((until - performance.now()) / 1000));
      find("say-help").textContent = `${first} There are ${seconds} seconds.`;
      if (!seconds) clearInterval(this.#timer);
    };
    left();
    clearInterval(this.#timer);
    this.#timer = setInterval(left, 1000);
    this.say(`${first} ${text}`);
  }

  /** @param {Message} message */
  #pronunciation({ words }) {
    const sentences = Object.entries(words).map(
      ([word, sounds]) => `“${word}” is not in the dictionary. Say it like “${sounds.map(respelled).join("” or “")}”.`,
    );
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
    const sentence = height > 0 ? "This sounds like somebody enrolled." : "This sounds like nobody enrolled yet.";
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
    const sentence = STANDING[message.decision];
    // the words are a secret, and whoever comes by could read them
    show(find("heard"), false);
    find("heard").textContent = "";
    this.#words.show(sentence, { told: true });
    find("say").dataset.verdict = message.decision;
    find("say-help").textContent = "Go on talking, about anything. “I have finished speaking” ends it.";
    this.#mood(message.decision, "");
    this.say(`${sentence} ${message.reasons.map(reasonText).join(" ")}`);
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
      ? needed === 0 ? "That was the last one." : needed === 1 ? "Once more, please." : `${needed} more, please.`
      : needed_speech_s > 0 ? `${Math.ceil(needed_speech_s)} more seconds, please.` : "That is enough.";
    const sentence = guided
      ? `Good: clear enough, ${speech_s.toFixed(1)} seconds of speech so far. ${more}`
      : `Good. ${speech_s.toFixed(0)} seconds of speech so far. ${more}`;
    this.#notice(sentence, true);
  }

  /** @param {Message} message */
  #refused({ reasons, heard }) {
    this.#ring.retry();
    const why = reasons.map(reasonText).join(" ");
    this.#notice(`That one does not count. ${why}${heard ? ` Heard: “${heard}”.` : ""} Please say it again.`, false);
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
      item.textContent = index < done ? `✓ ${ORDINALS[index] ?? index + 1}` : (ORDINALS[index] ?? String(index + 1));
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

const ORDINALS = ["First", "Second", "Third", "Fourth", "Fifth"];

/** What to do, and how. @type {Record<string, [string, string]>} */
const INSTRUCTIONS = {
  phrase: ["Say your pass phrase.", "In your usual voice. If you enrolled without a phrase, say anything."],
  stay: ["Say your pass phrase, then go on.", "Talk about anything after it. Press “I have finished speaking” to end."],
  repeat: ["", "Say it in your usual voice, then pause. It is judged at the pause."],
  invent: ["Say the phrase you choose.", "Five words or more, then pause. It is judged at the pause."],
  free: ["Talk about anything.", "Read this aloud, or talk about anything else. Short pauses are fine."],
  talk: ["Talk for a few seconds.", "About anything."],
  prompt: ["One moment.", "The words to say are about to appear."],
};

/** @type {Record<string, string>} */
const STANDING = {
  accept: "This is the enrolled voice.",
  reject: "This is another voice now.",
  undecided: "Not sure any more. Keep talking.",
};
