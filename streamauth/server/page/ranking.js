/** Who it may be: the best candidates, each with a bar and a word. */

import { heightOf, likeness } from "./curve.js";
import { make, show } from "./dom.js";
import { t } from "./language.js";

const LISTED = 5;

/**
 * @param {HTMLElement} list
 * @param {{name: string, llr: number}[]} ranking Best first.
 */
export function fillRanking(list, ranking) {
  const items = ranking.slice(0, LISTED).map((candidate) => {
    const height = heightOf(candidate) ?? 0;
    const bar = make("span", "", "bar-fill");
    bar.style.transform = `scaleX(${((height + 1) / 2).toFixed(3)})`;
    const track = make("span", "", "bar-track");
    track.append(bar);
    const item = make("li", "");
    const how = t(`rank.${likeness(height)}`);
    item.append(make("span", candidate.name, "who"), make("span", how, "how"), track);
    return item;
  });
  list.replaceChildren(...items);
  show(list, items.length > 0);
}
