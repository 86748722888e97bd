// A Grafana dashboard's variables as those of a layout.
import { t } from "../i18n.js";
import { compileRegex } from "./variables.js";

/** @typedef {import("./variables.js").Variable} Variable */

const [MOST_VALUES, MOST_CHARACTERS] = [500, 20_000]; // as many as the server takes

/** What a variable is that follows the range by itself. */
const AUTO_INTERVAL = "$__interval";

/** @param {any[]} list @param {string[]} notes @returns {Variable[]} */
export function toVariables(list, notes) {
  const variables = list.flatMap((one) => toVariable(one, notes));
  return variables.filter((one, index) => variables.findIndex((other) => other.name === one.name) === index);
}

/** @param {any} variable @param {string[]} notes @returns {Variable[]} */
function toVariable(variable, notes) {
  const name = String(variable.name ?? "");
  if (variable.type === "datasource") return []; // there is one here
  if (!/^[A-Za-z_]\w{0,63}$/.test(name)) {
    notes.push(t("grafana.variableName", { name }));
    return [];
  }
  const all = variable.includeAll === true;
  const common = {
    name, label: String(variable.label ?? "").slice(0, 500), multi: variable.multi === true, all,
    ...(all && variable.allValue ? { allValue: String(variable.allValue).slice(0, MOST_CHARACTERS) } : {}),
  };
  const value = [variable.current?.value ?? ""].flat().filter((one) => one !== "$__all").join(",").replace(/^\$__auto\w*$/, AUTO_INTERVAL).slice(0, MOST_CHARACTERS);
  if (variable.type === "query") return [{ ...common, ...queryOf(variable, name, notes), value }];
  if (["custom", "interval"].includes(variable.type)) {
    const values = String(variable.query ?? "").split(/(?<!\\),/).map((one) => one.replaceAll("\\,", ",").trim()).filter((one) => one && one !== "auto");
    if (variable.type === "interval" && variable.auto) values.unshift(AUTO_INTERVAL);
    // `name : value` shows a name that is not the value; here the value is shown.
    return [{ ...common, values: values.slice(0, MOST_VALUES).map((one) => one.replace(/^.* : /, "")), value: value || (values[0] ?? "").replace(/^.* : /, "") }];
  }
  if (["constant", "textbox"].includes(variable.type)) return [{ ...common, value: String(variable.query ?? value).slice(0, MOST_CHARACTERS) }];
  notes.push(t("grafana.variableType", { name, type: String(variable.type) }));
  return [];
}

/** @param {any} variable @param {string} name @param {string[]} notes @returns {Partial<Variable>} */
function queryOf(variable, name, notes) {
  const query = String((typeof variable.query === "string" ? variable.query : (variable.query?.query ?? variable.definition)) ?? "").slice(0, MOST_CHARACTERS);
  if (!/^(label_values|label_names|metrics|query_result)\(/.test(query.trim())) {
    notes.push(t("grafana.variableQuery", { name, query }));
    return {};
  }
  const regex = String(variable.regex ?? "").slice(0, MOST_CHARACTERS);
  if (regex && compileRegex(regex) === null) notes.push(t("grafana.variableRegex", { name, regex }));
  return { query, ...(compileRegex(regex) && { regex }) };
}
