// The content parts of an answer → elements that can be updated while the answer grows.

import { element, icon } from "./dom.js";
import { readable } from "./errors.js";
import { renderMarkdown } from "./markdown.js";

const VIEWS = { text: textView, think: thoughtsView, tool_call: toolView, error: errorView };

/** Show `parts` in `container`; views of parts that stay are kept, so opened details stay open. */
export function renderParts(container, parts, isRunning) {
  const shown = parts.filter((part) => part && VIEWS[part.type]);
  const views = (container.partViews ??= []);
  shown.forEach((part, index) => {
    if (views[index]?.type !== part.type) {
      views.splice(index).forEach(({ node }) => node.remove());
      views[index] = { type: part.type, ...VIEWS[part.type]() };
      container.append(views[index].node);
    }
    views[index].update(part, isRunning && index === shown.length - 1);
  });
  views.splice(shown.length).forEach(({ node }) => node.remove());
}

function textView() {
  const node = element("div", { class: "markdown" });
  const update = ({ text }) => renderMarkdown(node, text?.value ?? text ?? "");
  return { node, update };
}

function thoughtsView() {
  const title = element("span");
  const body = element("div", { class: "markdown" });
  const summary = element("summary", {}, icon("chevron"), title);
  const node = element("details", { class: "thoughts" }, summary, body);
  const update = ({ think }, isGrowing) => {
    title.textContent = isGrowing ? "Thinking…" : "Thoughts";
    node.classList.toggle("is-growing", isGrowing);
    renderMarkdown(body, think ?? "");
  };
  return { node, update };
}

function toolView() {
  const title = element("span");
  const body = element("pre", { tabindex: "0" });
  const summary = element("summary", {}, icon("chevron"), title);
  const node = element("details", { class: "thoughts" }, summary, body);
  const update = ({ tool_call: call }) => {
    title.textContent = `Tool: ${call.name}`;
    const input = typeof call.args === "string" ? call.args : JSON.stringify(call.args, null, 2);
    body.textContent = [input, call.output].filter(Boolean).join("\n\n");
  };
  return { node, update };
}

function errorView() {
  const text = element("span");
  const node = element("div", { class: "error-bubble", role: "alert" }, icon("alert"), text);
  return { node, update: ({ error }) => (text.textContent = readable(error)) };
}
