/** Commander's accumulator for options that may be repeated; absent options stay undefined. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
