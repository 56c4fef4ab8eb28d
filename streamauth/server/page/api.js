/** The REST interface, from the server's own description: no other page could show it without a network. */

/** @typedef {{[key: string]: any}} Json */

/**
 * An element with a text or children.
 * @param {string} tag
 * @param {...(string | Node)} children
 * @returns {HTMLElement}
 */
function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/**
 * What a reference inside the description means.
 * @param {Json} api
 * @param {Json} schema
 * @returns {Json}
 */
function resolved(api, schema) {
  if (!schema || !schema.$ref) return schema ?? {};
  return String(schema.$ref).slice(2).split("/").reduce((/** @type {Json} */ at, part) => at[part], api);
}

/**
 * A schema in one line.
 * @param {Json} schema
 * @returns {string}
 */
function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return String(schema.$ref).split("/").pop() ?? "";
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map(kind).join(" or ");
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  return schema.format ? `${schema.type} (${schema.format})` : String(schema.type ?? "anything");
}

/**
 * Names, kinds and meanings as a table.
 * @param {Array<[string, string, string]>} rows
 * @returns {HTMLElement}
 */
function table(rows) {
  const head = make("tr", make("th", "name"), make("th", "kind"), make("th", "meaning"));
  const lines = rows.map(([name, what, why]) => make("tr", make("td", make("code", name)), make("td", what), make("td", why)));
  return make("table", make("thead", head), make("tbody", ...lines));
}

/**
 * The fields of a body.
 * @param {Json} api
 * @param {Json} content
 * @returns {Node[]}
 */
function body(api, content) {
  return Object.entries(content ?? {}).map(([type, { schema }]) => {
    const shape = resolved(api, schema);
    const required = new Set(shape.required ?? []);
    /** @type {Array<[string, string, string]>} */
    const rows = Object.entries(shape.properties ?? {}).map(([name, field]) => [
      required.has(name) ? `${name} (required)` : name,
      kind(field),
      field.description ?? "",
    ]);
    const title = make("p", make("code", type), ` ${rows.length ? "" : kind(schema)}`);
    return rows.length ? make("div", title, table(rows)) : title;
  });
}

/**
 * One operation.
 * @param {Json} api
 * @param {string} path
 * @param {string} method
 * @param {Json} operation
 * @returns {HTMLElement}
 */
function shown(api, path, method, operation) {
  const parts = [make("summary", make("b", method.toUpperCase()), make("code", path), make("span", operation.summary ?? ""))];
  if (operation.description) parts.push(make("p", operation.description));
  /** @type {Array<[string, string, string]>} */
  const given = (operation.parameters ?? []).map((/** @type {Json} */ one) => [
    one.required ? `${one.name} (required)` : one.name,
    `${kind(one.schema)}, in the ${one.in}`,
    one.description ?? "",
  ]);
  if (given.length) parts.push(make("h2", "Parameters"), table(given));
  if (operation.requestBody) parts.push(make("h2", "Body"), ...body(api, operation.requestBody.content));
  for (const [status, answer] of Object.entries(operation.responses ?? {})) {
    parts.push(make("h2", `Answer ${status}`), make("p", answer.description ?? ""), ...body(api, answer.content));
  }
  return make("details", ...parts);
}

const about = /** @type {HTMLElement} */ (document.querySelector("#about"));
try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(String(answer.status));
  /** @type {Json} */
  const api = await answer.json();
  about.textContent = `${api.info.description ?? ""} Version ${api.info.version}. Programs show an API key: "Authorization: Bearer KEY".`;
  const list = /** @type {HTMLElement} */ (document.querySelector("#operations"));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) list.append(shown(api, path, method, operation));
  }
} catch {
  about.textContent = "The description cannot be read: is the server still running? Its address is /openapi.json.";
}
