/**
 * What the client library expects of a browser, and the library itself.
 *
 * The library takes its base URL from the page's <base> element and refreshes tokens only where
 * there is a window; both are read while it is imported, so they are set before.
 */
import axios from 'axios';

export const BASE_URL = required('CONTRACT_BASE_URL');

function required(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run "python -m tests.contract.run"`);
  }
  return value;
}

process.browser = true;
globalThis.document = { querySelector: () => ({ getAttribute: () => `${BASE_URL}/` }) };
globalThis.window = Object.assign(new EventTarget(), {
  atob,
  location: { origin: BASE_URL, pathname: '/c/new', search: '', hash: '', href: '' },
  localStorage: memoryStorage(),
});

function memoryStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, String(value)),
    removeItem: (name) => items.delete(name),
  };
}

axios.defaults.adapter = 'http';
// Without these, Node's client would say what no browser says.
axios.defaults.headers.common['User-Agent'] = 'Mozilla/5.0 (contract tests)';

export { axios };
export const library = await import('librechat-data-provider');
export const { dataService, request } = library;
