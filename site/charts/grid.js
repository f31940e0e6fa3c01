// Many estimates at once: a base request with some of its fields varied.

// axes: [{path: '/context', values: [...]}], one to three. Gives a promise of the cells in row-major order (the last axis
// runs fastest): {need: bytes on the fullest GPU, high, capacity (or null), verdict, error (or undefined)}.
export async function grid(engine, base, axes) {
  const requests = [];
  const fill = (request, [axis, ...rest]) => {
    if (!axis) return requests.push(request);
    for (const value of axis.values) fill(withValue(request, axis.path, value), rest);
  };
  fill({ ...base, also: [] }, axes);
  return engine.many(requests);
}

// A copy of the request with the value at a JSON pointer; undefined takes the field away.
export function withValue(request, path, value) {
  const [key, ...rest] = path.slice(1).split('/');
  const copy = { ...request };
  if (rest.length) copy[key] = withValue(copy[key] ?? {}, `/${rest.join('/')}`, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}
