// The merged records, made anew from the page's own data: what is downloaded is what is shown.

async function mergedRecords() {
  const data = await openBook();
  const others = new TextDecoder().decode(await inflated("records"));
  const parts = [others];
  const { arrays } = data;
  for (let row = 0; row < arrays.subject.length; row += 1) {
    const [adapter, implementation, version, mode, device, dtype] = data.subjects[arrays.subject[row]];
    const [clause, level] = data.clauses[arrays.clause[row]];
    const check = { record: "check", subject: { adapter, implementation, version, mode, device, dtype }, clause, level, case: data.cases[arrays.case[row]].case,
      outcome: data.outcomes[arrays.outcome[row]], signature: data.signature[arrays.signature[row]], expected: arrays.expected[row] === 1 };
    let line = JSON.stringify(check);
    for (const name of ["measures", "worst"]) {
      const text = data[name][arrays[name][row]];
      if (text) line = `${line.slice(0, -1)},"${name}":${text}}`;
    }
    const more = {};
    for (const name of ["detail", "deviation", "note", "reproducer"]) {
      const text = data[name][arrays[name][row]];
      if (text) more[name] = text;
    }
    if (data.states[arrays.state[row]] === "documented") more.documented = true;
    const rest = JSON.stringify(more).slice(1, -1);
    parts.push(rest ? `${line.slice(0, -1)},${rest}}\n` : `${line}\n`);
  }
  return new Blob(parts, { type: "application/x-ndjson" });
}

function startDownload() {
  byId("download").addEventListener("click", async () => {
    const link = el("a", { href: URL.createObjectURL(await mergedRecords()), download: "results.jsonl" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}
