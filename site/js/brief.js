// Of many answers only what a chart draws: {need, high, capacity, verdict} or {error}.
export function brief(response) {
  if (!response.ok) return { error: response.error.message };
  const peaks = response.ledger.peaks.filter(({ device }) => device.startsWith('gpu'));
  const fullest = peaks.reduce((most, peak) => (most && most.bytes.expected >= peak.bytes.expected ? most : peak), undefined);
  return { need: fullest?.bytes.expected ?? 0, high: fullest?.bytes.high ?? 0, capacity: response.gpu?.memory_bytes ?? null, verdict: response.verdict };
}
