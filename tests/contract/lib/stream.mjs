/** A generation's event stream, read with the reader the client uses. */
import './xhr.mjs';
import { SSE } from 'sse.js';
import { BASE_URL } from './browser.mjs';

export const PROTOCOL_HEADERS = { 'X-LibreChat-Generation-Protocol': '2' };
const WAIT_MS = 20_000;

export class Stream {
  /** Frames in order: `{ name: 'message' | 'error', data, at }`, `at` in milliseconds. */
  frames = [];
  status = 0;
  headers = {};
  /** How it ended: 'closed' by the server, 'aborted' by us, 'failed' in transport or by status. */
  outcome = null;
  failure = null;
  #waiting = [];

  constructor(url, headers) {
    this.sse = new SSE(url, { headers, method: 'GET', start: false });
    this.sse.addEventListener('open', (event) => {
      this.status = event.responseCode;
      this.headers = event.headers;
    });
    this.sse.addEventListener('message', (event) => this.#add('message', event.data));
    this.sse.addEventListener('error', (event) => this.#onError(event));
    this.sse.addEventListener('abort', () => this.#end('aborted'));
    this.sse.addEventListener('readystatechange', (event) => {
      if (event.readyState === SSE.CLOSED) {
        this.#end('closed');
      }
    });
    this.sse.stream();
  }

  /** Payloads of all frames. */
  get payloads() {
    return this.frames.map((frame) => frame.data);
  }

  /** The first frame whose payload fits, now or later. */
  until(fits) {
    return this.#wait(() => this.frames.find((frame) => fits(frame.data))?.data);
  }

  /** The stream once it has ended. */
  ended() {
    return this.#wait(() => (this.outcome ? this : undefined));
  }

  close() {
    this.sse.close();
  }

  // Like the client: an error event with data is a frame, one without is the transport's.
  #onError(event) {
    if (event.responseCode === undefined) {
      this.#add('error', event.data);
      return;
    }
    this.status = event.responseCode;
    this.failure = event.data;
    this.#end('failed');
  }

  #add(name, text) {
    this.frames.push({ name, data: JSON.parse(text), at: performance.now() });
    this.#wake();
  }

  #end(outcome) {
    this.outcome ??= outcome;
    this.#wake();
  }

  #wake() {
    for (const look of [...this.#waiting]) {
      look();
    }
  }

  #wait(find) {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other !== look);
      };
      const look = () => {
        const found = find();
        if (found !== undefined) {
          stop();
          resolve(found);
        } else if (this.outcome) {
          stop();
          reject(new Error(`The stream ended (${this.outcome}): ${this.#summary()}`));
        }
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`Nothing fits after ${WAIT_MS} ms: ${this.#summary()}`));
      }, WAIT_MS);
      this.#waiting.push(look);
      look();
    });
  }

  #summary() {
    return JSON.stringify({ status: this.status, failure: this.failure, frames: this.payloads });
  }
}

/** Subscribe as the client does; `started` is the answer to the POST or a status. */
export function follow(person, started, { resume = false } = {}) {
  const query = new URLSearchParams();
  if (resume) {
    query.set('resume', 'true');
  }
  const epoch = started.generationCreatedAt ?? started.createdAt;
  if (epoch != null) {
    query.set('generationCreatedAt', String(epoch));
  }
  query.set('generationProtocolVersion', '2');
  const path = `/api/agents/chat/stream/${encodeURIComponent(started.streamId)}`;
  const headers = { Authorization: `Bearer ${person.token}`, ...PROTOCOL_HEADERS };
  return new Stream(`${BASE_URL}${path}?${query}`, headers);
}
