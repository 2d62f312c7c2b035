/** The fake provider behind the server: what it was asked. */
const PROVIDER_URL = process.env.CONTRACT_PROVIDER_URL;

/** Bodies of the answers asked for with `mark` in the last message, oldest first; no titles. */
export async function answersAskedWith(mark) {
  const requests = await (await fetch(`${PROVIDER_URL}/requests`)).json();
  const bodies = requests.map((received) => received.body);
  return bodies.filter((body) => body.messages.at(-1).content.includes(mark) && !isTitle(body));
}

function isTitle({ messages }) {
  return messages[0].role === 'system' && messages[0].content.startsWith('Write a title');
}
