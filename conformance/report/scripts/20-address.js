// The address holds every choice: #place?name=value&... Defaults are left out. One view is shown at a time.

const address = {
  section: "home",
  values: new URLSearchParams(),
  listeners: [],

  get(name) { return this.values.get(name) || ""; },

  /** Change choices; a choice makes an entry in the history, typing does not. */
  set(changes, { section = this.section, entry = true } = {}) {
    for (const [name, value] of Object.entries(changes)) {
      if (value) this.values.set(name, value);
      else this.values.delete(name);
    }
    const moved = viewOf(section) !== viewOf(this.section);
    this.section = section;
    this.values.sort();
    const text = this.values.toString();
    const hash = `#${section}${text ? `?${text}` : ""}`;
    if (hash !== location.hash) {
      if (entry) leave();
      history[entry ? "pushState" : "replaceState"]({ y: moved ? 0 : scrollY }, "", hash);
    }
    show(section);
    this.tell();
    if (moved) scrollTo(0, 0);
  },

  /** Take over what the address says. A link without choices keeps those that are. */
  read({ go = true, y = 0 } = {}) {
    const [section, text] = location.hash.slice(1).split(/\?(.*)/s);
    this.section = section || "home";
    if (text !== undefined) this.values = new URLSearchParams(text);
    const place = show(this.section);
    this.tell();
    this.resting = go;
    if (go) arrive(place);
    else scrollTo(0, y);
  },

  /** After something above grew: back to the place, unless the reader has moved since. */
  settle() { if (this.resting && this.arrived) this.arrived.scrollIntoView(); },
  resting: true,
  arrived: null,

  tell() { for (const listener of this.listeners) listener(); },
};

const views = [...document.querySelectorAll(".view")];
const viewOf = (name) => byId(name)?.closest(".view") || byId("home");

/** Show the view that holds the place, opened; say so where there is no such place. */
function show(name) {
  const place = byId(name);
  const view = viewOf(name);
  for (const each of views) each.classList.toggle("now", each === view);
  document.documentElement.classList.remove("deep");
  for (let each = place; each && each !== view; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  const lost = byId("lost");
  lost.hidden = Boolean(place);
  if (!place) lost.textContent = `There is no “${decodeURIComponent(name)}” on this page: these records do not have it. Search for it above.`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href").slice(1) === view.id;
    if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = `${view.querySelector("h1")?.textContent.trim() || "Home"} · Sigmoid cross-entropy conformance`;
  return place;
}

/** Go to a place: it is marked, in sight, and has the focus. */
function arrive(place) {
  for (const each of document.querySelectorAll(".here")) each.classList.remove("here");
  address.arrived = place && !place.classList.contains("view") && place.id !== "main" ? place : null;
  if (!address.arrived) scrollTo(0, 0);
  if (!place) return;
  if (address.arrived) { place.classList.add("here"); place.scrollIntoView(); }
  const target = place.tagName === "DETAILS" ? place.querySelector("summary") : place;
  if (target === place) place.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** Remember how far down the reader is, for Back. */
function leave() { history.replaceState({ ...(history.state || {}), y: scrollY }, ""); }

/** Keep a control and a choice the same. */
function bind(control, name, section, entry = true) {
  const box = control.type === "checkbox";
  const shown = () => { if (control.value !== address.get(name) && document.activeElement !== control) control.value = address.get(name); };
  control.addEventListener(control.type === "search" ? "input" : "change", () => {
    const first = control.tagName === "SELECT" && control.selectedIndex === 0;
    const value = box ? (control.checked ? "1" : "") : first ? "" : control.value;
    address.set({ [name]: value }, { section, entry: entry && control.type !== "search" });
  });
  address.listeners.push(() => {
    if (box) control.checked = address.get(name) === "1";
    else if (control.tagName === "SELECT") {
      const wanted = address.get(name);
      const found = [...control.options].findIndex((option) => option.value === wanted);
      control.selectedIndex = Math.max(0, found);
    } else shown();
  });
}

function fill(select, values, labels = values) {
  select.append(...values.map((value, index) => el("option", { value }, labels[index])));
}

for (const name of ["wheel", "pointerdown", "keydown", "touchmove"]) {
  window.addEventListener(name, () => { address.resting = false; }, { capture: true, passive: true });
}
history.scrollRestoration = "manual";
// An entry that this page made knows its place; one that was typed into the address bar does not.
// There the browser goes to the place itself, and takes the focus away, before the page may.
window.addEventListener("popstate", (event) => (event.state ? address.read({ go: false, y: event.state.y }) : setTimeout(() => address.read())));
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const hash = link.getAttribute("href");
  const [section, text] = hash.slice(1).split(/\?(.*)/s);
  event.preventDefault();
  if (section === "main") { arrive(byId("main")); return; }
  const kept = text === undefined ? address.values.toString() : text;
  const next = `#${section}${kept ? `?${kept}` : ""}`;
  leave();
  // A row of the list chooses; the page stays where it is.
  const row = link.classList.contains("row");
  if (next !== location.hash) history.pushState({ y: row ? scrollY : 0 }, "", next);
  address.read(row ? { go: false, y: scrollY } : {});
});

// What a reader opens is in the address, to be copied from there.
document.addEventListener("click", (event) => {
  const finding = event.target.closest(".finding > summary")?.parentElement;
  if (!finding || finding.open) return;
  address.section = finding.id;
  history.replaceState({ y: scrollY }, "", `#${finding.id}`);
});

/** Call once when the element comes near the viewport. */
function whenSeen(element, then) {
  const watcher = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) { watcher.disconnect(); then(); }
  }, { rootMargin: "300px" });
  watcher.observe(element);
}

/** A section that is read when it is near, and drawn anew when a control of its form changes. */
function startForm(form, section, read, draw) {
  if (!byId(form)) return;
  const controls = [...byId(form).elements].filter((control) => control.name);
  let drawn = null;
  whenSeen(byId(section), async () => {
    await read();
    for (const control of controls) bind(control, control.name, section);
    address.listeners.push(() => {
      const key = controls.map((control) => (control.type === "checkbox" ? control.checked : control.value)).join("\0");
      if (key !== drawn) { drawn = key; draw(); }
    });
    address.tell();
  });
}
