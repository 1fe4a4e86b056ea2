// The verdict: tips, arrow keys among the tiles, and which levels count.

function startTips() {
  const tip = byId("tip");
  const show = (target) => {
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const below = box.bottom + 6 + own.height < innerHeight;
    tip.style.top = `${Math.max(4, below ? box.bottom + 6 : box.top - own.height - 6)}px`;
    tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - own.width - 8))}px`;
    target.setAttribute("aria-describedby", "tip");
  };
  const hide = () => {
    tip.hidden = true;
    for (const each of document.querySelectorAll('[aria-describedby="tip"]')) each.removeAttribute("aria-describedby");
  };
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(on, (event) => {
      const target = event.target.closest("[data-tip]");
      if (target) show(target);
    });
    document.addEventListener(off, hide);
  }
  // Where nothing hovers, a first tap tells and a second one follows.
  let tapped = null;
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-tip]");
    if (!target || !matchMedia("(hover: none)").matches || target === tapped) return;
    tapped = target;
    event.preventDefault(); event.stopPropagation();
    hide(); show(target);
  }, { capture: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", hide, { passive: true, capture: true });
}

function startMatrix(table) {
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]).map((row) => [...row.querySelectorAll("a.cell")]).filter((row) => row.length);
  let here = rows[0]?.[0];
  if (here) here.tabIndex = 0;
  table.addEventListener("focusin", (event) => {
    if (!event.target.matches("a.cell")) return;
    here.tabIndex = -1;
    here = event.target;
    here.tabIndex = 0;
  });
  table.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const at = rows.findIndex((row) => row.includes(event.target));
    if (!steps || at < 0) return;
    event.preventDefault();
    const column = rows[at].indexOf(event.target) + steps[1];
    const row = rows[Math.max(0, Math.min(rows.length - 1, at + steps[0]))];
    row[Math.max(0, Math.min(row.length - 1, column))].focus();
  });
}

function startVerdict() {
  for (const table of document.querySelectorAll(".matrix table")) startMatrix(table);
  bind(byId("v-levels"), "levels", "verdict");
  address.listeners.push(() => { document.documentElement.dataset.levels = address.get("levels"); });
}

function startTheme() {
  const button = byId("theme");
  const names = { "": ["◐ auto", "as the system has them"], light: ["☀ light", "light"], dark: ["☾ dark", "dark"] };
  const apply = (name) => {
    document.documentElement.dataset.theme = name;
    button.textContent = names[name][0];
    button.setAttribute("aria-label", `Colours: ${names[name][1]}`);
  };
  let now = "";
  try { now = localStorage.getItem("theme") || ""; } catch { /* a browser that stores nothing for files */ }
  apply(now in names ? now : "");
  button.addEventListener("click", () => {
    const order = Object.keys(names);
    const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
    apply(next);
    try { localStorage.setItem("theme", next); } catch { /* as above */ }
  });
}
