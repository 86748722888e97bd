// Runs before the first paint, so that a dark room does not get a white flash; and the texts are fetched beside the modules that
// show them. Everything else is in modules.
(function () {
  var root = document.documentElement;
  var asked = new URLSearchParams(location.search);
  function saved(name) {
    try {
      return localStorage.getItem("bongsu." + name);
    } catch (error) {
      return null; // storage is switched off: what the system says is used
    }
  }
  var theme = asked.get("theme") || saved("theme");
  if (theme !== "dark" && theme !== "light") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  root.dataset.theme = theme;
  var known = ["en", "ko"];
  var wanted = [asked.get("lang"), saved("lang")].concat(navigator.languages.map(function (tag) { return tag.slice(0, 2); }));
  root.lang = wanted.filter(function (code) { return known.indexOf(code) >= 0; })[0] || "en";
  var texts = new URL("../locales/" + root.lang + ".json", document.currentScript.src);
  window.bongsuTexts = fetch(texts).then(function (answer) { return answer.json(); });
  window.bongsuTexts.catch(function () {}); // told where it is awaited
})();
