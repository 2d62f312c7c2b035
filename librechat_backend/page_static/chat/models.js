// The choice of what to talk to: a preset of the server, or a service and its model.

import { request } from "./api.js";
import { byId, element } from "./dom.js";

const STORED = "chat.model";
const DEMO = "Demo";

let endpoints = {};

/** Fill the menu with what the server offers this person. */
export async function loadModels() {
  const [config, settings, models] = await Promise.all([
    request("GET", "/api/config"),
    request("GET", "/api/endpoints"),
    request("GET", "/api/models"),
  ]);
  endpoints = settings;
  const specs = config.modelSpecs?.list ?? [];
  const groups = specs.length ? [specGroup(specs)] : [];
  const isFree = !config.modelSpecs?.enforce && config.interface?.modelSelect !== false;
  if (isFree || !specs.length) groups.push(...modelGroups(models));
  byId("model").replaceChildren(...groups);
  chooseFirst(specs);
}

function specGroup(specs) {
  const options = specs.map(({ name, label, preset }) => option(label, preset.endpoint, preset.model, name));
  return element("optgroup", { label: "Presets" }, ...options);
}

function modelGroups(models) {
  return Object.keys(endpoints)
    .filter((name) => models[name]?.length)
    .sort((a, b) => endpoints[a].order - endpoints[b].order)
    .map((name) => {
      const options = models[name].map((model) => option(model, name, model));
      return element("optgroup", { label: endpoints[name].modelDisplayLabel ?? name }, ...options);
    });
}

const option = (label, ...choice) => element("option", { value: JSON.stringify(choice) }, label);

/** What the person chose last; for somebody new, what the server prefers. */
function chooseFirst(specs) {
  const preferred = specs.find((spec) => spec.default);
  if (preferred) choose(preferred.preset.endpoint, preferred.preset.model, preferred.name);
  choose(...stored());
}

/** Select a choice where it is offered; otherwise the one there is stays. */
export function choose(endpoint, model, spec) {
  const menu = byId("model");
  const offered = new Set([...menu.options].map(({ value }) => value));
  const wanted = [spec ? [endpoint, model, spec] : null, [endpoint, model]].map((c) => JSON.stringify(c));
  menu.value = wanted.find((value) => offered.has(value)) ?? menu.value;
}

/** What the next message is asked of, as the server's fields. */
export function chosenModel() {
  const [endpoint, model, spec] = JSON.parse(byId("model").value);
  const { type, modelDisplayLabel } = endpoints[endpoint] ?? {};
  return { endpoint, endpointType: type, model, modelDisplayLabel, spec };
}

export const hasModels = () => byId("model").options.length > 0;

/** Whether only prepared answers are there because no service is connected. */
export function isDemoOnly() {
  const choices = [...byId("model").options].map(({ value }) => JSON.parse(value));
  return choices.length > 0 && choices.every(([endpoint]) => endpoint === DEMO);
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
