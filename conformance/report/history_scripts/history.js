// The history's charts: clauses that deviate against the version, a line an implementation and mode. Each is drawn when
// it is opened: before, it has no width.

(async () => {
  const [bytes, data] = await Promise.all([inflated("charts"), block("history")]);
  document.head.append(el("script", {}, new TextDecoder().decode(bytes)));
  const drawn = (holder) => {
    const rows = data.rows.filter((row) => row.adapter === holder.dataset.adapter);
    holder.replaceChildren(asImage(Plot.plot({
      width: Math.min(1300, Math.max(360, holder.clientWidth)), height: 220, marginLeft: 40,
      x: { type: "point", domain: data.versions[holder.dataset.adapter], label: null },
      y: { label: "clauses", grid: true, zero: true }, fx: { domain: ["must", "should", "may"], label: null },
      marks: [
        Plot.line(rows, { x: "version", y: "clauses", fx: "level", z: "name", stroke: "currentColor", strokeOpacity: 0.5 }),
        Plot.dot(rows, { x: "version", y: "clauses", fx: "level", fill: (row) => `var(--${row.level}-ink)`, r: 3.5 }),
        Plot.tip(rows, Plot.pointer({ x: "version", y: "clauses", fx: "level", title: (row) => `${row.name}\n${row.version}: ${row.clauses} ${row.level}`, fill: "var(--paper)" })),
      ],
      ariaLabel: `Clauses that deviate in ${holder.dataset.adapter}, by version`,
    })));
  };
  for (const folded of document.querySelectorAll(".counts-of")) {
    const holder = folded.querySelector(".history");
    const draw = () => folded.open && !holder.hasChildNodes() && drawn(holder);
    folded.addEventListener("toggle", draw);
    draw();
  }
})();
