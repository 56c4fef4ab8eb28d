/** How the operators' page words what doors tell. */

/** @type {{states: Record<string, string>, modes: Record<string, string>, events: Record<string, string>, reasons: Record<string, string>, questions: Record<string, [string, string, string]>}} */
export const WORDS = {
  states: { locked: "Locked", granted: "Released", open: "Open", held: "Held open", forced: "Forced open" },
  modes: { lockdown: "Lockdown", evacuation: "Evacuation" },
  events: {
    started: "Kiosk started", granted: "Let in", denied: "Denied", passed: "Went through", unused: "Did not go through",
    exit: "Exit button", opened: "Opened", closed: "Closed", forced: "Forced open", forced_ended: "No longer forced",
    held: "Held open", held_ended: "No longer held", mode: "Mode", passback: "Second time the same way", ring: "Rang",
    microphone_lost: "Microphone lost", microphone_found: "Microphone found", clock_jumped: "Clock set",
    checked: "Self-check", cut_off: "Cut off from its site", reconnected: "Back at its site",
  },
  reasons: {
    not_recognized: "not recognized", heard_before: "a recording heard before", undecided: "too little to decide by",
    locked_out: "too many failed attempts", unknown_person: "nobody known", suspended: "suspended",
    not_yet_valid: "first day still to come", expired: "last day over", no_permission: "no permission here",
    outside_schedule: "outside the schedule", passback: "already inside", lockdown: "lockdown", failed: "something failed",
    out_of_date: "cut off for too long", voice: "by voice", operator: "by an operator",
  },
  questions: {
    lockdown: ["Lockdown of %?", "Nobody is let in until you end it, over restarts too. People may still leave.", "Lockdown"],
    evacuate: ["Release %?", "The lock is released until you end it. This is no fire release: that is wiring of its own.", "Evacuate"],
    normal: ["% back to normal?", "Lockdown or evacuation ends; who has a permission is let in again.", "Back to normal"],
  },
};

/**
 * A time of today by its hour, an older one with its day.
 * @param {number} ms Since the epoch.
 */
export function clock(ms) {
  const moment = new Date(ms);
  const time = moment.toLocaleTimeString("en-GB");
  const today = new Date().toDateString() === moment.toDateString();
  return today ? time : `${moment.toLocaleDateString("en-CA")} ${time.slice(0, 5)}`;
}

/** @param {number} seconds */
export function worded(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}
