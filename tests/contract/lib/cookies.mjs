/** The cookies of one browser: enough of RFC 6265 for one origin. */
export class CookieJar {
  #cookies = new Map();

  /** @param {string[]} headers values of Set-Cookie */
  store(headers) {
    for (const header of headers) {
      const [pair, ...attributes] = header.split(';').map((part) => part.trim());
      const [name, value] = splitOnce(pair);
      const named = new Map(
        attributes.map((text) => splitOnce(text)).map(([k, v]) => [k.toLowerCase(), v]),
      );
      if (isGone(named)) {
        this.#cookies.delete(name);
      } else {
        this.#cookies.set(name, { value, attributes: named });
      }
    }
  }

  /** Value of the Cookie header; empty when there is nothing to send. */
  header() {
    return [...this.#cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  }

  get(name) {
    return this.#cookies.get(name);
  }

  clear() {
    this.#cookies.clear();
  }
}

function splitOnce(text) {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function isGone(attributes) {
  if (attributes.has('max-age')) {
    return Number(attributes.get('max-age')) <= 0;
  }
  return attributes.has('expires') && Date.parse(attributes.get('expires')) <= Date.now();
}
