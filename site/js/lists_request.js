// Asks for the lists that are about language models: the part of the engine for these has no others.
export const listsRequest = { op: 'catalogue', list: ['models', 'gpus', 'weights', 'kv_cache_types', 'engines'] };
