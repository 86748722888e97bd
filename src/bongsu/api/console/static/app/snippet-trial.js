// What a snippet's program will do, done from this page: the same address, with the session in place of the key.
import { html, useState } from "./ui.js";
import { openapm, prometheus, sendOtlp, sendSample, sysmon } from "./api.js";
import { t } from "./i18n.js";
import { Badge, Button } from "./widgets.js";

/** What each program asks or sends, and what its answer says. @type {Record<string, () => Promise<string>>} */
const TRIALS = {
  Grafana: async () => {
    const [{ version }, names] = await Promise.all([prometheus("status/buildinfo"), prometheus("label/__name__/values", { limit: 1000 })]);
    return t("try.grafana", { version, count: names.length });
  },
  OTLP: async () => {
    await sendOtlp();
    return t("try.otlp");
  },
  remote_write: async () => {
    await sendSample();
    return t("try.write");
  },
  curl: async () => {
    const [up, jobs] = await Promise.all([prometheus("query", { query: "count(up)" }), sysmon("GET", "jobs")]);
    return t("try.curl", { up: up.result[0]?.value[1] ?? "0", jobs: jobs.length });
  },
  KEDA: async () => {
    const [answer, spot] = await Promise.all([prometheus("query", { query: "bongsu_apm_actx" }), openapm("api/json/spot")]);
    return answer.result.length > 0 ? t("try.keda", { value: answer.result[0].value[1] }) : t("try.kedaNone", { value: spot.actx });
  },
};

/** @param {{name: string}} props */
export function Try({ name }) {
  const [state, setState] = useState(/** @type {{busy: boolean, told?: string, error?: any}} */ ({ busy: false }));
  const trial = TRIALS[name];
  if (!trial) return null;
  const run = async () => {
    setState({ busy: true });
    try {
      setState({ busy: false, told: await trial() });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return html`<div class="actions trial">
    <${Button} icon="play" disabled=${state.busy} onClick=${run}>${t("try.run")}<//>
    <span aria-live="polite">
      ${state.told && html`<${Badge} state="ok">${state.told}<//>`}
      ${state.error && html`<${Badge} state="bad">${state.error.message}<//>`}
      ${!state.told && !state.error && html`<span class="hint">${t("try.hint")}</span>`}
    </span>
  </div>`;
}
