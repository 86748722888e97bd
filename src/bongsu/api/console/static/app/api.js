// Calls to the server's own APIs with the session cookie. Each API has its envelope; all failures become ApiError.
import { signal } from "./ui.js";
import { ROOT } from "./router.js";
import { recall, remember } from "./settings.js";

/** What went wrong, in the server's words, with its immutable id. */
export class ApiError extends Error {
  /** @param {string} message @param {{id?: string, status?: number}} [about] */
  constructor(message, { id = "unknown", status = 0 } = {}) {
    super(message);
    this.name = "ApiError";
    this.id = id;
    this.status = status;
  }
}

/**
 * Whom this browser acts for: undefined while unknown, null when signed out.
 * @type {import("./ui.js").Signal<any>}
 */
export const session = signal(undefined);

/** Whether this browser may do what only owners of the project may: keys, members, settings. A key's session has its key's scopes. */
export const mayOwn = () => (session.value.user ? ["owner", "administrator"].includes(session.value.role) : session.value.scopes.includes("manage"));

/** Whether a session ended under somebody's hands: by its key, its time, or somebody elsewhere. */
export const ended = signal(false);

/** Whether the server does not answer: told once above the page and not in each of its parts. */
export const away = signal(false);

const PROJECT_HEADER = "X-Bongsu-Project";
/** The project that a person works on in this tab, sent with every call: another tab may show another one. */
export const projectOf = () => (session.value?.user ? session.value.project?.projectId : undefined);

/** Difference between the server's clock and this machine's, in milliseconds. */
let skewMs = 0;
/** Now by the server's clock: charts of a browser whose clock is off would miss the newest data. */
export const nowMs = () => Date.now() + skewMs;

/**
 * @typedef {{query?: Record<string, any>, json?: unknown, form?: Record<string, any>, bytes?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal}} Options
 * @param {string} method @param {string} path @param {Options} [options]
 * @returns {Promise<{status: number, body: any}>}
 */
async function call(method, path, { query, json, form, bytes, headers: extra, signal: abort } = {}) {
  /** @type {Record<string, string>} */
  const headers = { "X-Bongsu-Console": "1", Accept: "application/json", ...extra };
  const project = projectOf();
  if (project) headers[PROJECT_HEADER] ??= project;
  let body;
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  } else if (form !== undefined) body = parameters(form);
  else body = bytes;
  const search = query ? `?${parameters(query)}` : "";
  let answer;
  try {
    answer = await fetch(ROOT + path + search, { method, headers, body, signal: abort, credentials: "same-origin" });
  } catch (error) {
    if (abort?.aborted) throw error;
    away.value = true;
    throw new ApiError("the server did not answer", { id: "unreachable" });
  }
  away.value = false;
  if (answer.status === 401 && session.value) {
    ended.value = true;
    session.value = null;
  }
  const text = await answer.text();
  return { status: answer.status, body: parse(text) };
}

/** @param {Record<string, any>} values lists become repeated parameters; undefined ones are left out */
function parameters(values) {
  const list = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) list.append(name, String(item));
  }
  return list;
}

/** @param {string} text */
function parse(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text; // a proxy's page, or a plain sentence
  }
}

/** @param {{status: number, body: any}} answer @returns {ApiError} */
function failure({ status, body }) {
  const told = body?.error?.message ?? body?.error ?? body?.message ?? body?.header?.reason ?? body;
  const id = body?.error?.id ?? body?.header?.errorId ?? body?.errorType ?? body?.id ?? "unknown";
  return new ApiError(typeof told === "string" && told ? told : `HTTP ${status}`, { id: String(id), status });
}

/** @param {{status: number, body: any}} answer */
function expectOk(answer) {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw failure(answer);
}

/** @typedef {{key: string} | {once: string, password?: string} | {name: string, password: string}} Credentials */

/** Sign in with what somebody knows. @param {Credentials} credentials */
export async function signIn(credentials) {
  const about = expectOk(await call("POST", "/console/api/session", { json: credentials }));
  const last = recall("project");
  accept(about);
  if (last && last !== about.project?.projectId && about.projects?.some((/** @type {any} */ one) => one.projectId === last)) await restoreSession();
}

/** Make the first administrator, who is then signed in. @param {{name: string, password: string}} fields */
export async function makeFirstAdministrator(fields) {
  accept(expectOk(await call("POST", "/console/api/first-administrator", { json: fields })));
}

/** Sign out here, and at the provider where the session came from one. */
export async function signOut() {
  const answer = expectOk(await call("DELETE", "/console/api/session"));
  ended.value = false; // a refresh that was on its way may have been refused meanwhile
  if (answer?.goTo) location.assign(answer.goTo);
  else session.value = null;
}

/**
 * Take what the page brought along, so that nothing has to be asked before the first view. A page that was opened from another
 * site came without the cookie, and one of a person may be of another project than was shown last: then it is asked.
 */
export async function takeState() {
  const state = JSON.parse(document.getElementById("state")?.textContent || "null");
  const last = recall("project");
  const fits = state !== null && (!state.user || (state.project !== null && (!last || last === state.project.projectId)));
  if (fits) accept(state);
  else await restoreSession();
}

/** Find out whom this browser acts for, in the project that it showed last. */
export async function restoreSession() {
  const last = recall("project");
  let about = expectOk(await call("GET", "/console/api/session", { headers: last ? { [PROJECT_HEADER]: last } : {} }));
  if (about?.project === null && about.projects.length > 0) about = expectOk(await call("GET", "/console/api/session", { headers: { [PROJECT_HEADER]: about.projects[0].projectId } }));
  if (about === null) session.value = null;
  else accept(about);
}

/** Show another project. The page starts anew: nothing of the old one may be left on it. @param {string} projectId */
export function chooseProject(projectId) {
  remember("project", projectId);
  location.assign(`${ROOT}/console/`);
}

/** @param {any} about */
function accept(about) {
  ended.value = false;
  skewMs = about.nowMs - Date.now();
  session.value = about;
}

/**
 * Ask the Prometheus API.
 * @param {string} path below /prometheus/api/v1/
 * @param {Record<string, any>} [query]
 * @param {AbortSignal} [abort]
 * @returns {Promise<any>} `data`; that of a query has the server's warnings and remarks in `notes`
 */
export async function prometheus(path, query = {}, abort) {
  const posted = path.startsWith("query"); // expressions may be longer than an address
  const answer = await call(posted ? "POST" : "GET", `/prometheus/api/v1/${path}`, {
    [posted ? "form" : "query"]: query,
    signal: abort,
  });
  if (answer.body?.status !== "success") throw failure(answer);
  const { data, warnings = [], infos = [] } = answer.body;
  return posted ? { ...data, notes: [...warnings, ...infos] } : data;
}

/**
 * Ask the workspace API; failures come with status 200 and say so in their header.
 * @param {string} method @param {string} path below the project @param {unknown} [json] @param {AbortSignal} [abort]
 */
export async function sysmon(method, path, json, abort) {
  const { projectId, region } = session.value.project;
  const headers = { "X-SYSMON-REGION": region };
  const answer = await call(method, `/v1.0/projects/${encodeURIComponent(projectId)}/${path}`, { json, headers, signal: abort });
  const body = expectOk(answer);
  if (!body?.header?.isSuccessful) throw failure(answer);
  return body.body;
}

/** Ask the APM API. @param {string} path below /open @param {AbortSignal} [abort] @param {Record<string, any>} [query] */
export async function openapm(path, abort, query) {
  return expectOk(await call("GET", `/open/${path}`, { signal: abort, query }));
}

/** Ask an API of the console itself. @param {string} method @param {string} path @param {Options} [options] */
export async function consoleApi(method, path, options) {
  return expectOk(await call(method, `/console/api/${path}`, options));
}

/** Ask the admin API, which lets people in by their role. @param {string} method @param {string} path @param {Options} [options] */
export async function adminApi(method, path, options) {
  return expectOk(await call(method, `/admin/v1/${path}`, options));
}

/** Send an empty OTLP request, which stores nothing: the answer tells whether the way is open and the right there. */
export async function sendOtlp() {
  expectOk(await call("POST", "/otlp/v1/traces", { json: { resourceSpans: [] } }));
}

/** Send an empty remote-write request, an empty message in snappy's block format: one byte that says that nothing follows. */
export async function sendSample() {
  const headers = { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0" };
  expectOk(await call("POST", "/prometheus/api/v1/write", { bytes: new Uint8Array([0]), headers }));
}
