// Markdown within a line → DOM nodes. What is not understood stays the text it was.

import { element } from "./dom.js";

const SPECIAL = /[\\`*_~[!<]|https?:\/\//g;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
const SAFE_PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
const DEEPEST = 8;
const EMPHASIS = [
  ["***", "strong", "em"], ["**", "strong"], ["*", "em"],
  ["___", "strong", "em"], ["__", "strong"], ["_", "em"], ["~~", "del"],
];

/** Nodes for `text`. */
export function inline(text, depth = 0) {
  const nodes = [];
  const unclosed = new Set(); // markers without a partner: looked for once, not at each of them
  let plain = "";
  let position = 0;
  const add = (node) => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
    nodes.push(node);
  };
  while (position < text.length) {
    SPECIAL.lastIndex = position;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    plain += text.slice(position, next);
    if (next === text.length) break;
    const found = depth < DEEPEST ? match(text, next, depth, unclosed) : null;
    if (found?.node) add(found.node);
    else plain += found ? found.text : text[next];
    position = found ? found.end : next + 1;
  }
  if (plain) nodes.push(document.createTextNode(plain));
  return nodes;
}

/** What begins at `start`: `{node | text, end}`, or null for a character without meaning. */
function match(text, start, depth, unclosed) {
  switch (text[start]) {
    case "\\": return escaped(text, start);
    case "`": return code(text, start);
    case "[": return link(text, start, depth);
    case "!": return text[start + 1] === "[" ? link(text, start + 1, depth) : null;
    case "<": return bracketed(text, start);
    case "h": return bareLink(text, start);
    default: return emphasis(text, start, depth, unclosed);
  }
}

function escaped(text, start) {
  const next = text[start + 1];
  if (next === "\n") return { node: element("br"), end: start + 2 };
  return next && ESCAPABLE.test(next) ? { text: next, end: start + 2 } : null;
}

function code(text, start) {
  const end = codeEnd(text, start);
  if (end < 0) return null;
  const ticks = /^`+/.exec(text.slice(start))[0].length;
  const inner = text.slice(start + ticks, end - ticks).replaceAll("\n", " ");
  const isPadded = /^ .*[^ ].* $/.test(inner);
  return { node: element("code", {}, isPadded ? inner.slice(1, -1) : inner), end };
}

/** Where the code span that begins at `start` ends, or -1. */
function codeEnd(text, start) {
  const ticks = /^`+/.exec(text.slice(start))[0];
  for (let at = start + ticks.length; (at = text.indexOf(ticks, at)) >= 0; ) {
    let end = at + ticks.length;
    if (text[end] !== "`") return end;
    while (text[end] === "`") end++;
    at = end;
  }
  return -1;
}

function link(text, start, depth) {
  const labelEnd = closingBracket(text, start);
  if (labelEnd < 0 || text[labelEnd + 1] !== "(") return null;
  const target = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(
    text.slice(labelEnd + 1, labelEnd + 4000),
  );
  if (!target) return null;
  const label = inline(text.slice(start + 1, labelEnd), depth + 1);
  return { node: anchor(target[1] ?? target[2], label), end: labelEnd + 1 + target[0].length };
}

function closingBracket(text, start) {
  let open = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") open++;
    else if (text[at] === "]" && --open === 0) return at;
  }
  return -1;
}

function bracketed(text, start) {
  const rest = text.slice(start, start + 2000);
  const breaking = /^<br\s*\/?>/i.exec(rest);
  if (breaking) return { node: element("br"), end: start + breaking[0].length };
  const address = /^<(https?:\/\/[^\s<>]+|mailto:[^\s<>]+)>/i.exec(rest);
  if (!address) return null;
  return { node: anchor(address[1], [address[1]]), end: start + address[0].length };
}

function bareLink(text, start) {
  if (start > 0 && WORD.test(text[start - 1])) return null;
  let address = /^https?:\/\/[^\s<>"'`]+/.exec(text.slice(start, start + 2000))?.[0];
  address = address?.replace(/[.,;:!?*_~\]]+$/, "");
  while (address?.endsWith(")") && !address.includes("(")) address = address.slice(0, -1);
  if (!address || address.length < 9) return null;
  return { node: anchor(address, [address]), end: start + address.length };
}

/** A link that cannot run code, learn the page's address or reach back into it. */
function anchor(address, label) {
  const href = safeAddress(address);
  if (!href) return element("span", {}, ...label);
  return element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...label);
}

/** The address itself where it is absolute and of a harmless kind, else null. */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return SAFE_PROTOCOLS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function emphasis(text, start, depth, unclosed) {
  const rule = EMPHASIS.find(([marker]) => text.startsWith(marker, start));
  if (!rule || unclosed.has(rule[0])) return null;
  const [marker, ...tags] = rule;
  if (marker[0] === "_" && WORD.test(text[start - 1] ?? "")) return null;
  if (/^\s?$/.test(text[start + marker.length] ?? "")) return null;
  const end = emphasisEnd(text, start + marker.length, marker);
  if (end < 0) {
    unclosed.add(marker);
    return null;
  }
  const children = inline(text.slice(start + marker.length, end), depth + 1);
  const node = tags.reduceRight((inner, tag) => [element(tag, {}, ...inner)], children)[0];
  return { node, end: end + marker.length };
}

function emphasisEnd(text, from, marker) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") at = Math.max(at, codeEnd(text, at) - 1);
    else if (text[at] === marker[0]) {
      let run = 1;
      while (text[at + run] === marker[0]) run++;
      if (closes(text, at, run, marker) && at > from) return at + run - marker.length;
      at += run - 1;
    }
  }
  return -1;
}

function closes(text, at, run, marker) {
  if (/\s/.test(text[at - 1])) return false;
  if (marker[0] === "_" && WORD.test(text[at + run] ?? "")) return false;
  return run === marker.length || (run === 3 && marker.length < 3);
}
