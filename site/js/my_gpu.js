// This computer's GPU: found by asking the browser, chosen by the visitor, kept in this browser.
import { candidates, probe } from './hardware.js';
import { recall, remember } from './memory.js';

// {id, name} of the GPU that was kept, if the list still has it.
export function keptGpu({ gpuRows }) {
  const row = gpuRows.find(({ id }) => id === recall('gpu'));
  return row ? { id: row.id, name: row.name } : null;
}

export const seenGpus = async ({ gpuRows }) => candidates(await probe(), gpuRows);

// What the form's buttons do. `set(changes)`: the state's new fields.
export const gpuButtons = (view, { set, draw }) => ({
  async detect() {
    view.detected = await seenGpus(view.lists);
    draw();
  },
  // null forgets it.
  useMine(id) {
    remember('gpu', id);
    view.mine = keptGpu(view.lists);
    view.detected = null;
    if (id) set({ gpuSource: 'catalogue', gpu: id });
    else draw();
  },
});
