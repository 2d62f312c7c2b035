// The tree of messages and the branch of it that is shown. Pure.

export const ROOT = "00000000-0000-0000-0000-000000000000";

/**
 * The shown branch from first to last: `{message, siblings}`. `chosen` maps a parent's id to the
 * child to follow; without a choice it is the newest.
 */
export function branchOf(messages, chosen) {
  const ids = new Set(messages.map(({ messageId }) => messageId));
  const children = new Map();
  for (const message of messages) {
    // A message whose parent is missing begins a branch of its own.
    const parent = ids.has(message.parentMessageId) ? message.parentMessageId : ROOT;
    children.set(parent, [...(children.get(parent) ?? []), message]);
  }
  const branch = [];
  for (let siblings = children.get(ROOT); siblings; ) {
    const parent = branch.at(-1)?.message.messageId ?? ROOT;
    const message = siblings.find(({ messageId }) => messageId === chosen.get(parent)) ?? siblings.at(-1);
    branch.push({ message, siblings, parent });
    siblings = children.get(message.messageId);
  }
  return branch;
}
