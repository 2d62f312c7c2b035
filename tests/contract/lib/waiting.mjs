/** For what the server does after it has answered. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What `read` returns as soon as `isDone` says so of it; an error after ten seconds. */
export async function until(read, isDone) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const found = await read();
    if (isDone(found)) {
      return found;
    }
    await sleep(50);
  }
  throw new Error('it did not come');
}
