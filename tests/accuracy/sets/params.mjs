// Published parameter counts. What a number counts is its `scope`; the parts that the border does not tell apart
// (prediction layers, the text part of a multimodal model) are compared by tests/core/read_params_test.cpp.
export const title = 'Parameter counts as published';
export const engine = 'configuration';

const untold = { 'total+mtp': true, 'total+mtp+dup': true, text: true };

export const rows = (content) => content.map(({ id, scope, ...row }, index) => ({
  ...row,
  id: `${id}-${index}`,
  catalogue: id,
  scope,
  ...(untold[scope] && { left_out: `counts ${scope}: compared in tests/core/read_params_test.cpp` }),
}));

export const request = ({ catalogue }) => ({ op: 'estimate', model: { id: catalogue }, context: 1, engine: { name: 'ideal' } });

// Half a unit of the last digit printed, for counts that were rounded.
function roundingOf({ params, exact }) {
  if (exact) return 0;
  let unit = 1;
  while (params % (unit * 10) === 0) unit *= 10;
  return unit / 2;
}

export function samples({ model }, row) {
  const embedding = model.vocab_size * model.hidden_size;
  const counted = model.parameters + row.buffers + { total: 0, 'total+untied': embedding, backbone: -embedding }[row.scope];
  return [{ term: 'parameters', case: row.exact ? 'exact' : 'rounded', unit: 'parameters', engine, measured: row.params, half: roundingOf(row),
    low: counted, expected: counted, high: counted }];
}
