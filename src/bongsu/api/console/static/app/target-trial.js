// One scrape of a target, now: whether it answers, how fast, with how many samples, or why not. Nothing is stored.
import { html, useState } from "./ui.js";
import { sysmon } from "./api.js";
import { milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { Badge, Button } from "./widgets.js";

/** @typedef {{url: string, health: "up" | "down", httpStatus: number | null, reason: string | null, samples: number, durationMs: number}} Trial */

/** @param {string} jobId @param {string} hostId @param {number} port @returns {Promise<Trial>} */
export const tryTarget = (jobId, hostId, port) => sysmon("POST", `jobs/${encodeURIComponent(jobId)}/test`, { hostId, port });

/** @param {{jobId: string, hostId: string, port: number, label?: string, onResult?: (trial: Trial) => void}} props */
export function TrialButton({ jobId, hostId, port, label }) {
  const [state, setState] = useState(/** @type {{busy: boolean, trial?: Trial, error?: any}} */ ({ busy: false }));
  const run = async () => {
    setState({ busy: true });
    try {
      setState({ busy: false, trial: await tryTarget(jobId, hostId, port) });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return html`<span class="trial">
    <${Button} icon="play" kind="quiet" disabled=${state.busy} label=${label} onClick=${run}>${t(state.busy ? "targets.testing" : "targets.test")}<//>
    <span aria-live="polite">${state.trial && html`<${TrialResult} trial=${state.trial} />`}${state.error && html`<span class="told">${state.error.message}</span>`}</span>
  </span>`;
}

/** @param {{trial: Trial}} props */
export function TrialResult({ trial }) {
  if (trial.health === "up") return html`<${Badge} state="ok" title=${trial.url}>${t("targets.tested", { samples: number(trial.samples), time: milliseconds(trial.durationMs) })}<//>`;
  return html`<${Badge} state="bad" title=${trial.url}>${trial.reason} · ${milliseconds(trial.durationMs)}<//>`;
}
