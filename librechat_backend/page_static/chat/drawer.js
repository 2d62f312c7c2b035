// The sidebar: beside the chat on a wide screen, a drawer over it on a narrow one.

import { byId } from "./dom.js";

const NARROW = matchMedia("(max-width: 52rem)");

export function setUpDrawer() {
  byId("open-drawer").addEventListener("click", openDrawer);
  byId("close-drawer").addEventListener("click", closeDrawer);
  byId("backdrop").addEventListener("click", closeDrawer);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeDrawer());
  NARROW.addEventListener("change", () => setOpen(false));
  setOpen(false);
}

function openDrawer() {
  setOpen(true);
  byId("close-drawer").focus();
}

export function closeDrawer() {
  if (byId("backdrop").hidden) return;
  setOpen(false);
  byId("open-drawer").focus();
}

function setOpen(isOpen) {
  byId("sidebar").classList.toggle("is-open", isOpen);
  byId("backdrop").hidden = !isOpen;
  byId("open-drawer").setAttribute("aria-expanded", String(isOpen));
  // A closed drawer is out of reach of the keyboard too; the chat behind an open one likewise.
  byId("sidebar").inert = NARROW.matches && !isOpen;
  byId("chat").inert = NARROW.matches && isOpen;
}
