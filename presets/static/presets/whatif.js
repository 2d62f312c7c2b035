// What-if: of each change, only the fields it uses.
const needs = JSON.parse(document.getElementById("change-needs").textContent);

for (const change of document.querySelectorAll("[data-change]")) {
  const kind = change.querySelector("[data-field=kind] select");
  const arrange = () => {
    const used = ["kind", ...(needs[kind.value] ?? [])];
    for (const field of change.querySelectorAll("[data-field]")) {
      field.hidden = !used.includes(field.dataset.field);
    }
  };
  kind.addEventListener("change", arrange);
  arrange();
}
