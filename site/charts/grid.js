// Many estimates in one call: a base request with some of its keys varied.

// axes: [{path: '/context', values: [...]}], one to three. Gives a promise of the cells in row-major order (the last axis
// runs fastest): {need: bytes on the fullest GPU, high, capacity (or null), verdict (or null)}, or {error}.
export async function grid(engine, base, axes) {
  const response = await engine.call({ ...base, op: 'sweep', also: [], axes });
  if (!response.ok) throw new Error(response.error.message);
  const { expected, high, headroom_bytes: spare, verdict, verdicts, errors } = response;
  return expected.map((need, cell) => {
    if (need === null) return { error: (errors.find((one) => one.cell === cell) ?? errors[0])?.error.message ?? '' };
    const said = verdicts[verdict[cell]];
    return { need, high: high[cell], capacity: spare[cell] === null ? null : need + spare[cell], verdict: said === 'no_gpu' ? null : said };
  });
}

// The request without one of its keys.
export function without(request, key) {
  const { [key]: _, ...rest } = request;
  return rest;
}
