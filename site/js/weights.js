// Reading the visitor's own weights: from this computer, or from an address. Keeps what the form shows of it.
import { droppedFiles, pickedFiles } from '../files/dropped.js';
import { recall, remember } from './memory.js';

const HUB = 'https://huggingface.co';

// `engine`: of core.js. `changed(changes, finished)`: the state's new fields; `draw()`: something to show changed.
// `headroom(file)`: bytes left on the chosen GPU with this file, or null.
export function weightsReader({ engine, changed, draw, headroom }) {
  const shown = {
    typed: null, // an address that has not been read yet
    busy: false,
    read: 0, // bytes so far
    kept: '', // of what is shown: "unchanged" since it was read before, or "offline", when its host cannot be asked
    problem: null, // {code, url, detail} on the way ("empty": no address was given), or {message, value, expected} of the content
    choices: null, // [{name, kind, bytes, left}]
    settings: false,
    endpoint: recall('endpoint') ?? '', // a mirror, instead of HUB
    token: recall('token') ?? '',
    keepToken: Boolean(recall('token')),
  };
  let running; // AbortController

  async function open(source) {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    Object.assign(shown, { busy: true, read: 0, problem: null });
    draw();
    let drawn = 0;
    const result = await engine.open(source, {
      signal,
      progress(bytes) {
        shown.read = bytes;
        if (performance.now() - drawn < 100) return;
        drawn = performance.now();
        draw();
      },
    });
    if (signal.aborted) return null;
    shown.busy = false;
    shown.kept = result.kept ?? '';
    if (!result.ok) shown.problem = result.source ?? result.error ?? null;
    return result;
  }

  const remote = (text, choice) => ({
    remote: {
      text,
      choice,
      endpoints: shown.endpoint ? { hugging_face: shown.endpoint } : {},
      token: shown.token ? { value: shown.token, endpoint: shown.endpoint || HUB } : undefined,
    },
  });

  // Which of several GGUFs fit: one of them is read, the others differ by the bytes of their weights.
  async function judge(text, choices) {
    const models = choices.filter(({ kind, bytes }) => kind === 'gguf' && bytes > 0);
    if (models.length < 2) return;
    const [one] = models;
    const result = await open(remote(text, one.name));
    if (!result?.ok || !result.file || shown.choices !== choices) return draw();
    const left = await headroom(result.file);
    if (left === null) return draw();
    for (const model of models) model.left = left - (model.bytes - one.bytes);
    draw();
  }

  return {
    shown,
    async place(text, choice = '') {
      if (!text.trim()) {
        shown.problem = { code: 'empty' };
        draw();
        return;
      }
      shown.typed = text;
      shown.choices = choice ? shown.choices : null;
      const result = await open(remote(text, choice || undefined));
      if (result?.choices) {
        shown.choices = result.choices;
        draw();
        await judge(text, result.choices);
      } else if (result?.file) {
        shown.typed = null;
        changed({ source: 'file', place: text, choice, file: result.file, fileName: '', readBytes: result.read });
      } else {
        draw();
      }
    },
    async local(files) {
      shown.choices = null;
      if (!files.length) return;
      shown.typed = null;
      const result = await open({ local: files });
      if (result?.file) changed({ source: 'file', place: '', choice: '', file: result.file, fileName: result.file.files?.[0] ?? files[0].name, readBytes: result.read });
      else draw();
    },
    picked: (list) => pickedFiles(list),
    dropped: (transfer) => droppedFiles(transfer),
    cancel() {
      running?.abort();
      Object.assign(shown, { busy: false });
      draw();
    },
    set(changes) {
      Object.assign(shown, changes);
      if ('typed' in changes && shown.problem?.code === 'empty') shown.problem = null;
      if ('endpoint' in changes) remember('endpoint', shown.endpoint);
      remember('token', shown.keepToken ? shown.token : '');
      draw();
    },
  };
}
