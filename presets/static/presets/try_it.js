// Try it: the answer is shown as it arrives.
const form = document.getElementById("try-form");

if (form) {
  const answer = document.getElementById("answer");
  const state = document.getElementById("try-state");
  const stop = document.getElementById("try-stop");
  const send = form.querySelector("button[type=submit]");
  let running = null;

  const show = (text, isBusy) => {
    send.disabled = isBusy;
    stop.hidden = !isBusy;
    state.textContent = text;
  };

  const read = async (response) => {
    answer.classList.toggle("failed", !response.ok);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      answer.append(decoder.decode(part.value, { stream: true }));
    }
    answer.append(decoder.decode());
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    answer.textContent = "";
    show("Answering …", true);
    try {
      const body = new FormData(form);
      await read(await fetch(form.action, { method: "POST", body, signal: running.signal }));
      show("Done.", false);
    } catch (error) {
      show(error.name === "AbortError" ? "Stopped." : "The connection was lost.", false);
    }
  });

  stop.addEventListener("click", () => running?.abort());
}
