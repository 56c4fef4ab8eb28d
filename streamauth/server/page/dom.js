/** The few things that all parts of the page do with its elements. */

/**
 * The element of an id that index.html has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function find(id) {
  return /** @type {T} */ (document.getElementById(id));
}

/**
 * @param {HTMLElement} element
 * @param {boolean} visible
 */
export function show(element, visible) {
  element.hidden = !visible;
}

/**
 * @param {string} name
 * @param {string} text
 * @param {string} [className]
 */
export function make(name, text, className) {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
