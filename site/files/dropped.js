// What was dropped on the page or picked in a dialog, as [{name, file}].
const MOST = 20_000;
const DEEPEST = 5;

async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return all;
    all.push(...some);
  }
}

async function walk(entry, prefix, depth, found) {
  if (entry.name.startsWith('.') || found.length >= MOST) return;
  if (entry.isFile) {
    found.push({ name: prefix + entry.name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
  } else if (depth < DEEPEST) {
    for (const inner of await entriesOf(entry)) await walk(inner, depth ? `${prefix}${entry.name}/` : prefix, depth + 1, found);
  }
}

// The entries must be taken before the first await: the browser forgets them when the event is over.
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry?.() : null)).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, '', entry.isFile ? 1 : 0, found);
  return found;
}

// Of an <input type="file">, with webkitdirectory or not: the chosen folder's own name is no part of the names.
export const pickedFiles = (list) =>
  [...list].map((file) => ({ name: file.webkitRelativePath ? file.webkitRelativePath.replace(/^[^/]+\//, '') : file.name, file })).filter(({ name }) => !/(^|\/)\./.test(name)).slice(0, MOST);
