import { library } from './browser.mjs';

/** Addresses the client builds itself, with the library's base URL. */
export function apiPath(path) {
  return `${library.apiBaseUrl()}${path}`;
}
