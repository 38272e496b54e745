// Made of ffi/numbers.json: change that, then `npm run gen`.

export const layerOrders = {
  advance: 1,
  rewrite: 2,
  inherit: 3,
  index: 4,
  drop: 5,
  ask: 6,
  take: 7,
} as const;

export const layerReplies = {
  parsed: 1,
  indexed: 2,
  failed: 3,
  head: 4,
  progress: 5,
  received: 6,
} as const;

export const layerFailures = {
  internal: 0,
  damaged: 1,
  refused: 2,
  full: 3,
  unsupported: 4,
  unreached: 5,
  silent: 6,
  slow: 7,
  broken: 8,
} as const;
