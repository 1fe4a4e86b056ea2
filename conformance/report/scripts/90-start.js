function startWhy() {
  const search = byId("y-q");
  bind(search, "why", "why");
  const causes = [...document.querySelectorAll(".cause")];
  address.listeners.push(() => {
    const words = address.get("why").toLowerCase().split(/\s+/).filter(Boolean);
    for (const cause of causes) cause.hidden = !words.every((word) => cause.dataset.text.includes(word));
    const left = causes.filter((cause) => !cause.hidden).length;
    byId("y-count").textContent = words.length ? `${left} of ${causes.length}` : "";
  });
}

startTheme();
startTips();
startVerdict();
startExplorer();
startCharts();
startSpeed();
startSweeps();
startWhy();
startAgreement();
startDownload();
for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());
address.read(true);
