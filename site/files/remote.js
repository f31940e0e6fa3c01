// Weights on the web: what was pasted, as addresses; what lies there, as models to choose from; one of them, read.
import { call, readFile } from 'vram-estimator';
import { kept, keep } from './kept.js';
import { readRange, request, SourceError } from './range.js';

const FIRST = 256 << 10;
const MOST_PAGES = 50;
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json, application/json';

async function pagesOf(url, options) {
  const pages = [];
  while (url && pages.length < MOST_PAGES) {
    const response = await request(url, { ...options, headers: { Accept: MANIFEST } });
    try {
      pages.push(await response.json());
    } catch {
      throw new SourceError('wrong', url, 'JSON');
    }
    url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return pages;
}

// {ok, file, read, kept?: "unchanged" or "offline"} or {ok, choices} or {ok: false, error}. Throws SourceError, or the signal's reason.
// `choice`: the name of the model that was chosen of several. `token`: {value, endpoint}.
export async function openRemote({ text, endpoints = {}, choice, token }, { signal, progress }) {
  const location = call({ op: 'locate', text, endpoints });
  if (!location.ok) return location;
  const place = JSON.stringify([location.base_url, location.path, location.quantization, choice ?? null]);
  const before = await kept(place);
  try {
    return await openLocation({ text, endpoints, choice, token }, location, place, before, { signal, progress });
  } catch (error) {
    if (before && error.code === 'offline') return { ok: true, file: before.file, read: 0, kept: 'offline' };
    throw error;
  }
}

async function openLocation({ text, endpoints, choice, token }, location, place, before, { signal, progress }) {
  const options = { token: location.host === 'hugging_face' ? token : undefined, signal };
  let sources = { files: [{ name: location.path, bytes: null }], complete: false };
  if (location.list_url) {
    const listed = call({ op: 'choose', text, endpoints, pages: await pagesOf(location.list_url, options) });
    if (!listed.ok) return listed;
    const named = listed.choices.findIndex(({ name }) => name === choice);
    const index = named >= 0 ? named : listed.chosen;
    if (index === null) return { ok: true, choices: listed.choices };
    sources = { files: listed.choices[index].files, complete: true };
  }
  const urlOf = (name) => (name === location.path && location.url ? location.url : location.base_url + name.split('/').map(encodeURIComponent).join('/'));
  let read = 0;
  const seen = (count) => progress((read += count));
  // The first bytes say whether it is still the file that was read before.
  const first = sources.files[0].name;
  const start = await readRange(urlOf(first), 0, FIRST, { ...options, seen });
  if (before && start.etag && before.etag === start.etag && before.total === start.total) return { ok: true, file: before.file, read, kept: 'unchanged' };
  if (start.total !== null) sources.files[0].bytes = start.total;
  const answer = await readFile(
    sources,
    async (name, offset, length, { optional } = {}) => {
      if (name === first && offset === 0 && length <= start.bytes.length) return start.bytes.subarray(0, length);
      try {
        return (await readRange(urlOf(name), offset, length, { ...options, seen })).bytes;
      } catch (error) {
        if (optional && error.code === 'missing') return null;
        throw error;
      }
    },
    { signal },
  );
  if (answer.ok) await keep(place, { etag: start.etag, total: start.total, file: answer.file });
  return answer.ok ? { ok: true, file: answer.file, read } : answer;
}
