// What this browser remembers of the reader's choices: language, units, the GPU that is theirs. Never leaves it.
// Blocked storage (private windows, embedded frames, file://) is as if nothing had been remembered.
const PREFIX = 'vram-estimator.';

export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // forgotten, then
  }
}
