// The few ways in which the page is built. Texts only ever become text: nothing here parses markup.

/** An element: `about` holds attributes, and `class`, `text`, `data` (an object), `on` (an object of listeners). */
export function make(tag, about = {}, ...children) {
  return fill(document.createElement(tag), about, children);
}

export function svg(tag, about = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), about, children);
}

function fill(node, about, children) {
  for (const [name, value] of Object.entries(about)) {
    if (name === "text") {
      node.textContent = value;
    } else if (name === "data") {
      Object.assign(node.dataset, value);
    } else if (name === "on") {
      Object.entries(value).forEach(([kind, act]) => node.addEventListener(kind, act));
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets a text only where it changed: a selection survives, and the browser has nothing to lay out. */
export function put(node, text) {
  const first = node.firstChild;
  if (first === null) {
    if (text !== "") {
      node.textContent = text;
    }
  } else if (first.nodeValue !== text || first.nextSibling !== null) {
    node.textContent = text;
  }
}

/** Sets an attribute only where it changed; null takes it away. */
export function set(node, name, value) {
  if (value === null) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}

/** Makes `wanted` the children of `parent`, in that order, with few moves; the focus stays where it was. */
export function arrange(parent, wanted) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const keep = new Set(wanted);
  for (let child = parent.firstChild; child !== null; ) {
    const next = child.nextSibling;
    if (!keep.has(child)) {
      child.remove();
    }
    child = next;
  }
  let at = parent.firstChild;
  for (const child of wanted) {
    if (at !== null && child !== at && at.nextSibling === child) {
      at.remove(); // it went further down, and is put there when its turn comes
      at = child;
    }
    if (child === at) {
      at = at.nextSibling;
    } else {
      parent.insertBefore(child, at);
    }
  }
  if (focused !== null && document.activeElement !== focused && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/** One child of `parent` for each of `values`, by key: kept where it is known, made where it is new, then shown anew. */
export function keyed(parent, values, key, create, show) {
  const held = (parent.held ??= new Map());
  const next = new Map();
  for (const value of values) {
    const name = key(value);
    const child = held.get(name) ?? create(value);
    next.set(name, child);
    show(child, value);
  }
  parent.held = next;
  arrange(parent, [...next.values()]);
}

/** Forgets what `keyed` made, so that it is made anew (in another language). */
export function forget(parent) {
  parent.held = new Map();
  parent.replaceChildren();
}

export const byId = (name) => document.getElementById(name);
