// Folding the frames of one answer into its content parts. Pure.

export function newAnswer() {
  return { parts: [], indexOfStep: new Map(), error: null, final: null, title: null };
}

/** Apply one frame of the stream; kinds this page does not show are passed over. */
export function applyFrame(answer, frame) {
  if (frame.final) answer.final = frame;
  else if (frame.sync) applySnapshot(answer, frame);
  else if (frame.error) answer.error = frame.error;
  else STEPS[frame.event]?.(answer, frame.data);
}

const STEPS = {
  title: (answer, { title }) => (answer.title = title),
  on_run_step: addStep,
  on_message_delta: addDelta,
  on_reasoning_delta: addDelta,
  on_run_step_delta: addArguments,
  on_run_step_completed: finishTool,
};

function applySnapshot(answer, { resumeState, pendingEvents }) {
  answer.parts = [];
  answer.indexOfStep.clear();
  resumeState.runSteps?.forEach((step) => addStep(answer, step));
  resumeState.aggregatedContent?.forEach((part, index) => (answer.parts[index] = part));
  if (resumeState.titleEvent) applyFrame(answer, resumeState.titleEvent);
  pendingEvents?.forEach((frame) => applyFrame(answer, frame));
}

function addStep(answer, step) {
  answer.indexOfStep.set(step.id, step.index);
  const call = step.stepDetails?.tool_calls?.[0];
  if (call) answer.parts[step.index] = { type: "tool_call", tool_call: { ...call } };
}

function addDelta(answer, { id, delta }) {
  const index = answer.indexOfStep.get(id);
  if (index === undefined) return;
  for (const { type, [type]: text } of [delta.content].flat()) {
    const part = (answer.parts[index] ??= { type, [type]: "" });
    if (part.type === type) part[type] += text;
  }
}

function addArguments(answer, { id, delta }) {
  const call = answer.parts[answer.indexOfStep.get(id)]?.tool_call;
  if (call) call.args = (call.args ?? "") + (delta.tool_calls?.[0]?.args ?? "");
}

function finishTool(answer, { result }) {
  const index = answer.indexOfStep.get(result.id) ?? result.index;
  answer.parts[index] = { type: "tool_call", tool_call: result.tool_call };
}

/** The readable text of a message: what its copy button copies. */
export function plainText(message) {
  const parts = message.content?.filter((part) => part?.type === "text") ?? [];
  return message.text || parts.map(({ text }) => text?.value ?? text).join("\n\n");
}
