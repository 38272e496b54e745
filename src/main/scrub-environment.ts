/**
 * Removes the variables by which an environment could make this process, or one it starts, load or become something else:
 * Bun's and Node's own, and the dynamic linker's. They come from whoever started crib; nothing of crib's needs them.
 */
export function scrubEnvironment(env: Record<string, string | undefined>): void {
  for (const name of Object.keys(env)) if (/^(?:BUN|NODE|LD)_/.test(name)) delete env[name];
}
