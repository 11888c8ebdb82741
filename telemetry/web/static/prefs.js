// What a person chose on this machine. Without storage it holds until the page is closed.

const held = new Map();

export function kept(name, otherwise = "") {
  try {
    return localStorage.getItem(name) ?? held.get(name) ?? otherwise;
  } catch {
    return held.get(name) ?? otherwise;
  }
}

export function keep(name, value) {
  held.set(name, value);
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage is off: the map has it
  }
}

export const THEMES = ["auto", "light", "dark"];

export function theme() {
  const chosen = kept("theme", "auto");
  return THEMES.includes(chosen) ? chosen : "auto";
}

export function setTheme(chosen) {
  keep("theme", chosen);
  if (chosen === "auto") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = chosen;
  }
}
