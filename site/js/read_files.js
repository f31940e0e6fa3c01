// Weight files by their headers: the engine says which bytes it wants, and gets those of the files chosen, no more.
import { readFile } from 'vram-estimator';

export async function readFiles(files) {
  const byName = new Map(files.map((file) => [file.name, file]));
  return readFile({ files: files.map(({ name, size }) => ({ name, bytes: size })), complete: true }, async (name, offset, length) => {
    const file = byName.get(name);
    return file ? new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()) : null;
  });
}
