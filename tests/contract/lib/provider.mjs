/** The fake provider behind the server: what it was asked. */
const PROVIDER_URL = process.env.CONTRACT_PROVIDER_URL;

/** Requests whose body contains `mark`, oldest first: `{ path, headers, body }`. */
export async function receivedWith(mark) {
  const requests = await (await fetch(`${PROVIDER_URL}/requests`)).json();
  return requests.filter((received) => JSON.stringify(received.body).includes(mark));
}

/** How many answers the provider is giving now. */
export async function activeAnswers() {
  return (await (await fetch(`${PROVIDER_URL}/active`)).json()).active;
}
