/** Tables as CSV (RFC 4180), as the server gives and takes them. */

/**
 * @param {string} text
 * @returns {Record<string, string>[]} The rows by the names of the first line.
 */
export function parseCsv(text) {
  const lines = [...split(text)];
  const [names = [], ...rows] = lines;
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ""])));
}

/**
 * @param {readonly string[]} columns
 * @param {readonly Record<string, string>[]} rows
 */
export function writeCsv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ""))];
  return lines.map((line) => line.map(quoted).join(",") + "\n").join("");
}

/** @param {string} text */
function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {string} text
 * @returns {Generator<string[]>}
 */
function* split(text) {
  let row = /** @type {string[]} */ ([]);
  for (const [, quotedField, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (quotedField === undefined && plain === "" && end === "" && row.length === 0) return;
    row.push(quotedField === undefined ? plain : quotedField.replaceAll('""', '"'));
    if (end !== ",") {
      yield row;
      row = [];
    }
  }
}
