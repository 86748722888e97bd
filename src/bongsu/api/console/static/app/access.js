// The 'URL & Appkey' dialog: where each API is, and lines to copy, with a key that is made for the purpose.
// Keys that exist are not shown: the server keeps only their hashes. A new one is shown once and not kept by the page.
import { html, useState } from "./ui.js";
import { consoleApi, mayOwn, session } from "./api.js";
import { Segments } from "./choices.js";
import { t } from "./i18n.js";
import { place, ROOT } from "./router.js";
import { Try } from "./snippet-trial.js";
import { Button, CopyButton, Dialog, Failure } from "./widgets.js";

const PLACEHOLDER = "YOUR_APPKEY";

/** @typedef {{name: string, scopes: string[], lines: (key: string) => string}} Snippet scopes: what its key needs */

/** @returns {Snippet[]} */
function snippets() {
  const base = location.origin + ROOT;
  const { projectId, pcode } = session.value.project;
  return [
    { name: "Grafana", scopes: ["read"], lines: (key) => grafana(base, key) },
    {
      name: "OTLP",
      scopes: ["write"],
      lines: (key) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${base}/otlp
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="X-TC-APP-KEY=${key}"
export OTEL_METRIC_EXPORT_INTERVAL=5000
export OTEL_SERVICE_NAME=my-service`,
    },
    {
      name: "remote_write",
      scopes: ["write"],
      lines: (key) => `remote_write:
  - url: ${base}/prometheus/api/v1/write
    headers:
      X-TC-APP-KEY: ${key}`,
    },
    {
      name: "curl",
      scopes: ["read"],
      lines: (key) => `curl -H 'X-TC-APP-KEY: ${key}' '${base}/prometheus/api/v1/query?query=up'
curl -H 'x-whatap-token: ${key}' -H 'x-whatap-pcode: ${pcode}' '${base}/open/api/tps'
curl -H 'X-TC-APP-KEY: ${key}' -H 'X-SYSMON-REGION: ${session.value.project.region}' '${base}/v1.0/projects/${projectId}/jobs'`,
    },
    {
      name: "KEDA",
      scopes: ["read"],
      lines: (key) => `triggers:
  - type: prometheus
    metadata:
      serverAddress: ${base}/prometheus
      query: bongsu_apm_actx
      threshold: "20"
      customHeaders: X-TC-APP-KEY=${key}`,
    },
  ];
}

/** @param {string} base @param {string} key */
const grafana = (base, key) => `apiVersion: 1
datasources:
  - name: Bongsu
    type: prometheus
    access: proxy
    url: ${base}/prometheus
    jsonData:
      httpMethod: POST
      httpHeaderName1: X-TC-APP-KEY
    secureJsonData:
      httpHeaderValue1: ${key}`;

/** @param {{onClose: () => void}} props */
export function AccessDialog({ onClose }) {
  return html`<${Dialog} title="URL & Appkey" wide onClose=${onClose}><${AccessSheet} /><//>`;
}

/** The content of the dialog, which is also a part of the settings page. @param {{onMade?: () => void}} props */
export function AccessSheet({ onMade }) {
  const base = location.origin + ROOT;
  const { project, keyId, scopes, role } = session.value;
  const rows = [
    ["projectId", project.projectId],
    ["pcode", String(project.pcode)],
    ["Prometheus API", `${base}/prometheus`],
    ["remote write", `${base}/prometheus/api/v1/write`],
    ["OTLP", `${base}/otlp`],
    [t("access.workspaceApi"), `${base}/v1.0/projects/${project.projectId}`],
    [t("access.apmApi"), `${base}/open/api`],
  ];
  return html`
    <table class="pairs">
      <tbody>${rows.map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td><code>${value}</code></td><td><${CopyButton} text=${value} /></td></tr>`)}</tbody>
    </table>
    <p class="hint">${keyId === null ? t("access.role", { role: t(`members.role.${role}`) }) : t("access.key", { keyId, scopes: scopes.join(", ") })}</p>
    <${Snippets} onMade=${onMade} />
  `;
}

/** @param {{onMade?: () => void}} props */
function Snippets({ onMade }) {
  const all = snippets();
  const [chosen, setChosen] = useState(place.value.query.get("snippet") ?? all[0].name);
  const [made, setMade] = useState(/** @type {Record<string, string>} */ ({}));
  const [error, setError] = useState(/** @type {any} */ (null));
  const snippet = all.find((one) => one.name === chosen) ?? all[0];
  const mayMake = mayOwn();
  const make = async () => {
    try {
      const { key } = await consoleApi("POST", "keys", { json: { name: snippet.name, scopes: snippet.scopes } });
      setMade({ ...made, [chosen]: key });
      setError(null);
      onMade?.();
    } catch (reason) {
      setError(reason);
    }
  };
  const lines = snippet.lines(made[chosen] ?? PLACEHOLDER);
  return html`
    <${Segments} label=${t("access.snippets")} value=${chosen} onChange=${setChosen} options=${all.map(({ name }) => ({ value: name, text: name }))} />
    <pre class="snippet" tabindex="0"><code>${lines}</code></pre>
    <div class="actions">
      <${CopyButton} text=${lines} />
      ${mayMake && !made[chosen] && html`<${Button} icon="key" kind="primary" onClick=${make}>${t("access.make", { scopes: snippet.scopes.join(", ") })}<//>`}
      <span class="hint">${made[chosen] ? t("access.made") : t("access.replace", { placeholder: PLACEHOLDER })}</span>
    </div>
    <${Try} key=${chosen} name=${chosen} />
    ${error && html`<${Failure} error=${error} />`}
  `;
}
