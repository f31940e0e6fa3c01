// The worker side of core.js: takes the engine's bytes, then answers one request after the other.
import { call, load } from 'vram-estimator';

let started;
const ready = new Promise((resolve) => (started = resolve));

// Of many answers only what a chart draws crosses back.
function brief(request) {
  const response = call(request);
  if (!response.ok) return { error: response.error.message };
  const peaks = response.ledger.peaks.filter(({ device }) => device.startsWith('gpu'));
  const fullest = peaks.reduce((most, peak) => (most && most.bytes.expected >= peak.bytes.expected ? most : peak), undefined);
  return { need: fullest?.bytes.expected ?? 0, high: fullest?.bytes.high ?? 0, capacity: response.gpu?.memory_bytes ?? null, verdict: response.verdict };
}

onmessage = async ({ data: { wasm, id, request, requests } }) => {
  try {
    if (wasm) return started(await load({ wasm }));
    await ready;
    postMessage({ id, response: requests ? requests.map(brief) : call(request) });
  } catch (error) {
    postMessage({ failed: String(error?.message ?? error) });
  }
};
