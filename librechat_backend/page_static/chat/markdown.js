// Markdown blocks → DOM nodes. No markup of the text ever reaches the page.

import { copyButton, element } from "./dom.js";
import { inline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( +)(.*)|)$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const DEEPEST = 8;

/**
 * Show `text` in `container`, keeping the nodes of the blocks that did not change:
 * an answer is shown again with each word that arrives.
 */
export function renderMarkdown(container, text) {
  const blocks = splitBlocks(text.replaceAll("\r\n", "\n").split("\n"), 0);
  const shown = container.children;
  blocks.forEach((block, index) => {
    if (shown[index]?.markdownSource === block.key) return;
    const node = block.build();
    node.markdownSource = block.key;
    if (shown[index]) shown[index].replaceWith(node);
    else container.append(node);
  });
  while (shown.length > blocks.length) container.lastElementChild.remove();
}

/** Blocks of lines as `{key, build}`; equal keys build equal nodes. */
function splitBlocks(lines, depth) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const block = readBlock(lines, at, depth);
    blocks.push({ key: lines.slice(at, block.end).join("\n"), build: block.build });
    at = block.end;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return fence(lines, at);
  if (line.trim() === "$$") return formula(lines, at);
  if (HEADING.test(line)) return heading(line, at);
  if (RULE.test(line)) return { end: at + 1, build: () => element("hr") };
  if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

function fence(lines, at) {
  const [, marker, language] = FENCE.exec(lines[at]);
  const closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}\\s*$`);
  const indent = /^ */.exec(lines[at])[0].length;
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end++;
  const unindent = new RegExp(`^ {0,${indent}}`);
  const source = lines.slice(at + 1, end).map((line) => line.replace(unindent, "")).join("\n");
  return { end: end + 1, build: () => codeBlock(language, source) };
}

function formula(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "$$") end++;
  return { end: end + 1, build: () => codeBlock("formula", lines.slice(at + 1, end).join("\n")) };
}

function codeBlock(language, source) {
  const name = element("span", { class: "code-language" }, language || "text");
  const head = element("div", { class: "code-head" }, name, copyButton("Copy code", () => source));
  // Long lines scroll sideways; the keyboard needs to reach them.
  const body = element("pre", { tabindex: "0" }, element("code", {}, source));
  return element("div", { class: "code-block" }, head, body);
}

function heading(line, at) {
  const [, marks, text] = HEADING.exec(line);
  // The page has its own first and second level.
  const tag = `h${Math.min(marks.length + 2, 6)}`;
  const attributes = { class: `heading-${marks.length}` };
  return { end: at + 1, build: () => element(tag, attributes, ...inline(text)) };
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { end, build: () => element("blockquote", {}, ...nodes(inner, depth + 1)) };
}

const nodes = (lines, depth) => splitBlocks(lines, depth).map((block) => block.build());

// -- Lists ----------------------------------------------------------------------------------

function list(lines, at, depth) {
  const kind = kindOf(lines[at]);
  const items = [];
  let end = at;
  while (end < lines.length && kindOf(lines[end]) === kind && !RULE.test(lines[end])) {
    const item = readItem(lines, end);
    items.push(item.lines);
    end = item.end;
  }
  return { end, build: () => listNode(lines[at], kind, items, depth) };
}

/** Items of one list share a kind: a bullet or the character after the number. */
function kindOf(line) {
  return ITEM.exec(line)?.[2].replace(/\d+/, "") ?? null;
}

function readItem(lines, at) {
  const [, lead, marker, gap = " ", first = ""] = ITEM.exec(lines[at]);
  const indent = lead.length + marker.length + (gap.length > 4 ? 1 : gap.length);
  const content = [gap.length > 4 ? gap.slice(1) + first : first];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end];
    const isInside = /^ */.exec(line)[0].length >= Math.min(indent, lead.length + 2);
    if (line.trim() && !isInside && (startsBlock(line) || !lines[end - 1].trim())) break;
    content.push(line.replace(new RegExp(`^ {0,${indent}}`), ""));
  }
  return { lines: content, end };
}

const startsBlock = (line) => [FENCE, HEADING, RULE, ITEM, QUOTE].some((rule) => rule.test(line));

function listNode(firstLine, kind, items, depth) {
  const isOrdered = kind === "." || kind === ")";
  const start = isOrdered ? parseInt(firstLine, 10) : 1;
  const isLoose = items.some((item) => /\S\n[ \t]*\n[ \t]*\S/.test(item.join("\n")));
  const children = items.map((item) => itemNode(item, isLoose, depth));
  return element(isOrdered ? "ol" : "ul", { start: start !== 1 && start }, ...children);
}

function itemNode(lines, isLoose, depth) {
  const task = /^\[([ xX])\]\s+/.exec(lines[0]);
  if (task) lines = [lines[0].slice(task[0].length), ...lines.slice(1)];
  const children = nodes(lines, depth + 1).flatMap((node) =>
    !isLoose && node.tagName === "P" ? [...node.childNodes] : [node],
  );
  if (!task) return element("li", {}, ...children);
  const box = { type: "checkbox", disabled: true, checked: task[1] !== " " };
  const label = task[1] === " " ? "to do" : "done";
  return element("li", { class: "task" }, element("input", { ...box, "aria-label": label }), ...children);
}

// -- Tables and paragraphs --------------------------------------------------------------------

function isTable(lines, at) {
  const rule = lines[at + 1];
  if (!lines[at].includes("|") || !rule || !TABLE_RULE.test(rule)) return false;
  return cells(lines[at]).length === cells(rule).length;
}

function cells(line) {
  const trimmed = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end++;
  return { end, build: () => tableNode(lines.slice(at, end)) };
}

function tableNode([head, rule, ...body]) {
  const aligned = cells(rule).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  const row = (tag, line) => {
    const texts = cells(line);
    const children = aligned.map((side, index) =>
      element(tag, { class: `align-${side}` }, ...inline(texts[index] ?? "")),
    );
    return element("tr", {}, ...children);
  };
  const rows = body.map((line) => row("td", line));
  const inner = element("table", {}, element("thead", {}, row("th", head)), element("tbody", {}, ...rows));
  return element("div", { class: "table", tabindex: "0" }, inner);
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !interruptsParagraph(lines, end)) end++;
  const text = lines.slice(at, end).map((line) => line.trimStart().replace(/ {2,}$/, "\\"));
  return { end, build: () => element("p", {}, ...inline(text.join("\n").replace(/\\$/, ""))) };
}

/** Numbered lists may interrupt only with their first number: "in\n1984. …" is a sentence. */
function interruptsParagraph(lines, at) {
  const line = lines[at];
  const item = ITEM.exec(line);
  if (item) return Boolean(item[4]) && (!/\d/.test(item[2]) || /^1[.)]/.test(item[2]));
  return [FENCE, HEADING, RULE, QUOTE].some((rule) => rule.test(line)) || isTable(lines, at);
}
