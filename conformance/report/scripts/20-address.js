// The address holds every choice: #section?name=value&... Defaults are left out.

const address = {
  section: "",
  values: new URLSearchParams(),
  listeners: [],

  get(name) { return this.values.get(name) || ""; },

  /** Change choices; a choice makes an entry in the history, typing does not. */
  set(changes, { section = this.section, entry = true } = {}) {
    for (const [name, value] of Object.entries(changes)) {
      if (value) this.values.set(name, value);
      else this.values.delete(name);
    }
    this.section = section;
    this.values.sort();
    const text = this.values.toString();
    const hash = `#${section}${text ? `?${text}` : ""}`;
    if (hash !== location.hash) history[entry ? "pushState" : "replaceState"](null, "", hash);
    this.tell();
  },

  /** Take over what the address says. A link without choices keeps those that are. */
  read(scroll) {
    const [section, text] = location.hash.slice(1).split(/\?(.*)/s);
    this.section = section;
    if (text !== undefined) this.values = new URLSearchParams(text);
    this.tell();
    this.resting = scroll;
    const place = section && byId(section);
    if (scroll && section === "verdict") scrollTo(0, 0);
    else if (scroll && place) place.scrollIntoView();
  },

  /** After something above grew: back to the section, unless the reader has moved since. */
  settle() {
    const place = this.section && byId(this.section);
    if (this.resting && place && this.section !== "verdict") place.scrollIntoView();
  },
  resting: true,

  tell() { for (const listener of this.listeners) listener(); },
};

/** Keep a control and a choice the same. */
function bind(control, name, section, entry = true) {
  const show = () => { if (control.value !== address.get(name) && document.activeElement !== control) control.value = address.get(name); };
  control.addEventListener(control.type === "search" ? "input" : "change", () => {
    const first = control.tagName === "SELECT" && control.selectedIndex === 0;
    address.set({ [name]: first ? "" : control.value }, { section, entry: entry && control.type !== "search" });
  });
  address.listeners.push(() => {
    if (control.tagName === "SELECT") {
      const wanted = address.get(name);
      const found = [...control.options].findIndex((option) => option.value === wanted);
      control.selectedIndex = Math.max(0, found);
    } else show();
  });
}

function fill(select, values, labels = values) {
  select.append(...values.map((value, index) => el("option", { value }, labels[index])));
}

for (const name of ["wheel", "pointerdown", "keydown", "touchmove"]) {
  window.addEventListener(name, () => { address.resting = false; }, { capture: true, passive: true });
}
window.addEventListener("popstate", () => address.read(false));
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const hash = link.getAttribute("href");
  const [section, text] = hash.slice(1).split(/\?(.*)/s);
  event.preventDefault();
  const kept = text === undefined ? address.values.toString() : text;
  const next = `#${section}${kept ? `?${kept}` : ""}`;
  if (next !== location.hash) history.pushState(null, "", next);
  // A row of the list chooses; the page stays where it is.
  address.read(!link.classList.contains("row"));
  const place = byId(section);
  if (place && link.classList.contains("skip")) { place.tabIndex = -1; place.focus(); }
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
  const controls = [...byId(form).elements];
  let drawn = null;
  whenSeen(byId(section), async () => {
    await read();
    for (const control of controls) bind(control, control.name, section);
    address.listeners.push(() => {
      const key = controls.map((control) => control.value).join("\0");
      if (key !== drawn) { drawn = key; draw(); }
    });
    address.tell();
  });
}
