// Files and folders of this computer: what was picked or dropped, as a list; read in the worker by slices.
import { readFile } from 'vram-estimator';

// {ok, file, read} or {ok: false, error}. `files`: [{name, file}], names below the folder with "/".
export async function openLocal(files, { signal, progress }) {
  const named = new Map(files.map(({ name, file }) => [name, file]));
  let read = 0;
  const answer = await readFile(
    { files: files.map(({ name, file }) => ({ name, bytes: file.size })), complete: true },
    async (name, offset, length) => {
      const file = named.get(name);
      if (!file) return null;
      const bytes = new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
      progress((read += bytes.length));
      return bytes;
    },
    { signal },
  );
  return answer.ok ? { ok: true, file: answer.file, read } : answer;
}
