// The worker's side of reading weights: {local: [{name, file}]} or {remote: {text, ...}}. Failures of the way there come
// back as {ok: false, source: {code, url, detail}}, those of the content as the border's errors.
import { openLocal } from './local.js';
import { openRemote } from './remote.js';
import { SourceError } from './range.js';

async function open({ local, remote }, { signal, progress }) {
  try {
    return local ? await openLocal(local, { signal, progress }) : await openRemote(remote, { signal, progress });
  } catch (error) {
    if (signal.aborted) return { ok: false, cancelled: true };
    if (error instanceof SourceError) return { ok: false, source: { code: error.code, url: error.url, detail: error.detail } };
    // A file that was moved or changed while it was read.
    if (error instanceof DOMException) return { ok: false, source: { code: 'changed', url: '', detail: error.message } };
    throw error;
  }
}

// Several readings by number, each of which may be cancelled.
export function reader() {
  const running = new Map();
  return {
    async openWeights(id, source, progress) {
      const controller = new AbortController();
      running.set(id, controller);
      try {
        return await open(source, { signal: controller.signal, progress });
      } finally {
        running.delete(id);
      }
    },
    cancelled: (id) => running.get(id)?.abort(),
  };
}
