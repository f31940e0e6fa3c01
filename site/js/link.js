// Keeps a page's state in the address: every change is a step that Back undoes; typing on in one field is one step.
const PAUSE_MS = 250; // after the last key, before the address changes
const SAME_STEP_MS = 2500; // the same field changed again within this: still the same step

// `hash()` gives a promise of {hash, complete}; `load(hash)` takes the state from one.
// Returns {load(), changed(what), save()}: what was changed is the field's name.
export function keepInHash({ hash, load }) {
  let saved = null;
  let saving;
  let pending = false;
  let last = { what: null, at: -Infinity };
  let step = false; // the next save is a new step

  async function save() {
    clearTimeout(saving);
    const { hash: text, complete } = await hash();
    const next = `#${text}`;
    if (next !== location.hash) history[pending && step ? 'pushState' : 'replaceState'](null, '', next);
    saved = next;
    pending = step = false;
    return complete;
  }

  async function read() {
    if (location.hash === saved) return;
    saved = location.hash;
    clearTimeout(saving);
    pending = step = false;
    last = { what: null, at: -Infinity };
    await load(location.hash);
  }
  addEventListener('hashchange', read);
  addEventListener('popstate', read);

  return {
    load: read,
    save,
    changed(what) {
      const now = performance.now();
      if (what !== last.what || now - last.at > SAME_STEP_MS) step = true;
      last = { what, at: now };
      pending = true;
      clearTimeout(saving);
      saving = setTimeout(save, PAUSE_MS);
    },
  };
}
