// The one place that names the version of the component library.
export * from "../vendor/preact-11.2.0.min.js";
