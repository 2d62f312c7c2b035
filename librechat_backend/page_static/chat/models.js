// The choice of service and model.

import { request } from "./api.js";
import { byId, element } from "./dom.js";

const STORED = "chat.model";
const DEMO = "Demo";

let endpoints = {};

/** Fill the menu with what the server offers. */
export async function loadModels() {
  const [settings, models] = await Promise.all([
    request("GET", "/api/endpoints"),
    request("GET", "/api/models"),
  ]);
  endpoints = settings;
  const names = Object.keys(settings)
    .filter((name) => models[name]?.length)
    .sort((a, b) => settings[a].order - settings[b].order);
  byId("model").replaceChildren(...names.map((name) => group(name, models[name])));
  choose(...stored());
}

function group(name, models) {
  const options = models.map((model) =>
    element("option", { value: JSON.stringify([name, model]) }, model),
  );
  return element("optgroup", { label: endpoints[name].modelDisplayLabel ?? name }, ...options);
}

/** Select a model where it is offered; otherwise the choice stays. */
export function choose(endpoint, model) {
  const value = JSON.stringify([endpoint, model]);
  const menu = byId("model");
  if ([...menu.options].some((option) => option.value === value)) menu.value = value;
}

/** What the next message is asked of, as the server's fields. */
export function chosenModel() {
  const [endpoint, model] = JSON.parse(byId("model").value);
  const { type, modelDisplayLabel } = endpoints[endpoint];
  return { endpoint, endpointType: type, model, modelDisplayLabel };
}

export const hasModels = () => byId("model").options.length > 0;

/** Whether only prepared answers are there because no service is connected. */
export function isDemoOnly() {
  const offered = [...byId("model").querySelectorAll("optgroup")].map(({ label }) => label);
  return offered.length === 1 && offered[0] === DEMO;
}

export function setUpModels() {
  byId("model").addEventListener("change", ({ target }) => localStorage.setItem(STORED, target.value));
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED)) ?? [];
  } catch {
    return [];
  }
}
