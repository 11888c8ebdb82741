// Before the first paint: the theme and the language that were chosen here, so that nothing flashes.
(() => {
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is off: the browser's own settings hold
    }
  };
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
  const language = kept("language");
  if (language) {
    document.documentElement.lang = language;
  }
})();
