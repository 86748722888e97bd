// The 'URL & Appkey' dialog: where each API is, and lines to copy. Keys are not shown: the server keeps only their hashes.
import { html, useState } from "./ui.js";
import { session } from "./api.js";
import { Segments } from "./choices.js";
import { t } from "./i18n.js";
import { ROOT } from "./router.js";
import { CopyButton, Dialog } from "./widgets.js";

const KEY = "YOUR_APPKEY";

/** Ready-made lines; `KEY` is to be replaced. @returns {Record<string, string>} */
function snippets() {
  const base = location.origin + ROOT;
  const { projectId, pcode } = session.value.project;
  return {
    Grafana: `apiVersion: 1
datasources:
  - name: Bongsu
    type: prometheus
    access: proxy
    url: ${base}/prometheus
    jsonData:
      httpMethod: POST
      httpHeaderName1: X-TC-APP-KEY
    secureJsonData:
      httpHeaderValue1: ${KEY}`,
    OTLP: `export OTEL_EXPORTER_OTLP_ENDPOINT=${base}/otlp
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="X-TC-APP-KEY=${KEY}"
export OTEL_METRIC_EXPORT_INTERVAL=5000
export OTEL_SERVICE_NAME=my-service`,
    "remote_write": `remote_write:
  - url: ${base}/prometheus/api/v1/write
    headers:
      X-TC-APP-KEY: ${KEY}`,
    curl: `curl -H 'X-TC-APP-KEY: ${KEY}' '${base}/prometheus/api/v1/query?query=up'
curl -H 'x-whatap-token: ${KEY}' -H 'x-whatap-pcode: ${pcode}' '${base}/open/api/tps'
curl -H 'X-TC-APP-KEY: ${KEY}' '${base}/v1.0/projects/${projectId}/jobs'`,
    KEDA: `triggers:
  - type: prometheus
    metadata:
      serverAddress: ${base}/prometheus
      query: bongsu_apm_actx
      threshold: "20"
      customHeaders: X-TC-APP-KEY=${KEY}`,
  };
}

/** @param {{onClose: () => void}} props */
export function AccessDialog({ onClose }) {
  return html`<${Dialog} title="URL & Appkey" wide onClose=${onClose}><${AccessSheet} /><//>`;
}

/** The content of the dialog, which is also a part of the settings page. */
export function AccessSheet() {
  const [chosen, setChosen] = useState("Grafana");
  const base = location.origin + ROOT;
  const { project, keyId, scopes } = session.value;
  const rows = [
    ["projectId", project.projectId],
    ["pcode", String(project.pcode)],
    ["Prometheus API", `${base}/prometheus`],
    ["remote write", `${base}/prometheus/api/v1/write`],
    ["OTLP", `${base}/otlp`],
    [t("access.workspaceApi"), `${base}/v1.0/projects/${project.projectId}`],
    [t("access.apmApi"), `${base}/open/api`],
  ];
  const all = snippets();
  return html`
    <table class="pairs">
      <tbody>${rows.map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td><code>${value}</code></td><td><${CopyButton} text=${value} /></td></tr>`)}</tbody>
    </table>
    <p class="hint">${t("access.key", { keyId, scopes: scopes.join(", ") })}</p>
    <${Segments} label=${t("access.snippets")} value=${chosen} onChange=${setChosen}
      options=${Object.keys(all).map((name) => ({ value: name, text: name }))} />
    <pre class="snippet"><code>${all[chosen]}</code></pre>
    <div class="actions"><span class="hint">${t("access.replace", { placeholder: KEY })}</span><${CopyButton} text=${all[chosen]} /></div>
  `;
}
