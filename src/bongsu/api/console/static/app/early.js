// Runs before the first paint, so that a dark room does not get a white flash. Everything else is in modules.
(function () {
  var asked = new URLSearchParams(location.search).get("theme");
  var saved = null;
  try {
    saved = localStorage.getItem("bongsu.theme");
  } catch (error) {
    saved = null; // storage is switched off: the system's theme is used
  }
  var theme = asked || saved;
  if (theme !== "dark" && theme !== "light") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;
})();
