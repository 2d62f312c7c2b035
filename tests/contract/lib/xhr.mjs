/**
 * XMLHttpRequest over node:http, as far as sse.js uses it. Text arrives while the response is
 * under way: each chunk is a `progress` event, as in a browser.
 */
import http from 'node:http';
import { StringDecoder } from 'node:string_decoder';

export class StreamingXMLHttpRequest extends EventTarget {
  static UNSENT = 0;
  static OPENED = 1;
  static HEADERS_RECEIVED = 2;
  static LOADING = 3;
  static DONE = 4;

  readyState = 0;
  status = 0;
  responseText = '';
  withCredentials = false;
  #headers = {};
  #received = {};
  #request = null;
  #isAborted = false;

  get response() {
    return this.responseText;
  }

  open(method, url) {
    this.method = method;
    this.url = url;
    this.#become(1);
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getAllResponseHeaders() {
    const lines = Object.entries(this.#received).map(([name, value]) => `${name}: ${value}`);
    return lines.join('\r\n');
  }

  send(body) {
    // A connection of its own: closing it is how the server learns that nobody listens.
    const options = { method: this.method, headers: this.#headers, agent: false };
    this.#request = http.request(this.url, options, (response) => this.#receive(response));
    this.#request.on('error', () => this.#fail());
    this.#request.end(body || undefined);
  }

  abort() {
    if (this.readyState === 4) {
      return;
    }
    this.#isAborted = true;
    this.#request?.destroy();
    this.#become(4);
    this.dispatchEvent(new Event('abort'));
  }

  #receive(response) {
    const decoder = new StringDecoder('utf8');
    this.status = response.statusCode;
    this.#received = response.headers;
    this.#become(2);
    response.on('data', (chunk) => this.#progress(decoder.write(chunk)));
    response.on('error', () => this.#fail());
    response.on('end', () => this.#finish());
  }

  #progress(text) {
    if (this.#isAborted) {
      return;
    }
    this.responseText += text;
    this.#become(3);
    this.dispatchEvent(new Event('progress'));
  }

  #finish() {
    if (this.#isAborted) {
      return;
    }
    this.#become(4);
    this.dispatchEvent(new Event('load'));
  }

  #fail() {
    if (this.#isAborted || this.readyState === 4) {
      return;
    }
    this.status = 0; // what a browser reports for a broken connection
    this.#become(4);
    this.dispatchEvent(new Event('error'));
  }

  #become(state) {
    this.readyState = state;
    this.dispatchEvent(new Event('readystatechange'));
  }
}

globalThis.XMLHttpRequest = StreamingXMLHttpRequest;
