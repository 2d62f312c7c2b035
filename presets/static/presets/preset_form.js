// The preset page: models of the chosen endpoint, and the parameters it knows.
const source = document.getElementById("preset-catalog");
const endpoint = document.getElementById("id_endpoint");
const model = document.getElementById("id_model");

if (source && endpoint && model) {
  const catalog = JSON.parse(source.textContent);
  const groups = [...model.querySelectorAll("optgroup")];

  const isEmpty = (row) =>
    [...row.querySelectorAll("input, select, textarea")].every((field) =>
      field.type === "checkbox" ? !field.checked : field.value === "",
    );

  const arrange = () => {
    const known = catalog.endpoints[endpoint.value || catalog.inherited];
    for (const group of groups) {
      const models = [...group.querySelectorAll("option")].map((option) => option.value);
      const fits = !known || models.every((name) => known.models.includes(name));
      const isChosen = models.includes(model.value);
      group.hidden = group.disabled = !fits && !isChosen;
    }
    for (const row of document.querySelectorAll("[data-dialects]")) {
      const fits = !known || row.dataset.dialects.split(" ").includes(known.dialect);
      row.hidden = !fits && isEmpty(row);
    }
  };

  endpoint.addEventListener("change", () => {
    const known = catalog.endpoints[endpoint.value || catalog.inherited];
    if (known && model.value && !known.models.includes(model.value)) {
      model.value = "";
    }
    arrange();
  });
  arrange();
}
