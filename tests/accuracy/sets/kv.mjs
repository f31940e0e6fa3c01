// KV caches and constant states as engines printed them, group of layers by group: cells x bytes per token. The cells
// are the engine's own figure, because how it pads them changed from build to build; what is checked is every
// architecture's bytes per token and per sequence.
const mib = 2 ** 20;
const times = (bytes, count) => ({ low: bytes * count, expected: bytes * count, high: bytes * count });

export function samples({ model }, row, { about }) {
  const printed = (value) => ({ measured: value * mib, half: (about.round_mib * mib) / 2, counted: about.counted });
  const list = row.groups.map((group) => ({
    term: 'kv cache',
    case: group.width === 'full' ? 'whole context' : 'sliding window',
    ...printed(group.mib),
    ...times(model.kv_bytes_per_token[group.width], group.cells),
  }));
  if (row.state) {
    list.push({ term: 'recurrent state', ...printed(row.state.mib), ...times(model.state_bytes_per_sequence, row.state.sequences) });
  }
  return list;
}
