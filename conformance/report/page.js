"use strict";
const filter = document.getElementById("filter");
const causes = [...document.querySelectorAll(".cause")];
const apply = () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const cause of causes) cause.hidden = !words.every((word) => cause.dataset.text.includes(word));
};
filter.addEventListener("input", () => {
  history.replaceState(null, "", filter.value ? "#causes?" + encodeURIComponent(filter.value) : "#causes");
  apply();
});
const wanted = location.hash.split("?")[1];
if (wanted) { filter.value = decodeURIComponent(wanted); apply(); }
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const text = button.nextElementSibling.textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(button.nextElementSibling); button.textContent = "Selected"; }
  });
}
