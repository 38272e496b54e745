/** A stretch of a process's memory that is a file's, unchanged. */
export interface CleanMapping {
  readonly start: bigint;
  readonly length: number;
  readonly residentKib: number;
  readonly path: string;
}

const header = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) +(\/.*)$/;

/** Code and constants: what nothing in the process can have changed since it was mapped, short of mprotect(2). */
const readOnly: ReadonlySet<string> = new Set(["r-xp", "r--p"]);

/**
 * The mappings of /proc/PID/smaps (proc_pid_smaps(5)) that are as they are in their file: not writable, no page of them private
 * to the process. Only such pages can be dropped and come back unchanged.
 */
export function cleanFileMappings(smaps: string): readonly CleanMapping[] {
  const found: CleanMapping[] = [];
  let current: { start: bigint; end: bigint; path: string; fields: Map<string, number> } | undefined;
  const finish = () => {
    if (current === undefined) return;
    const { start, end, path, fields } = current;
    const changedKib =
      (fields.get("Private_Dirty") ?? 1) + (fields.get("Anonymous") ?? 1) + (fields.get("Locked") ?? 0);
    if (changedKib === 0) found.push({ start, length: Number(end - start), residentKib: fields.get("Rss") ?? 0, path });
  };
  for (const line of smaps.split("\n")) {
    const match = header.exec(line);
    if (match !== null || /^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      finish();
      const [, start, end, permissions, , path] = match ?? [];
      current =
        permissions !== undefined &&
        readOnly.has(permissions) &&
        start !== undefined &&
        end !== undefined &&
        path !== undefined
          ? { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), path, fields: new Map() }
          : undefined;
      continue;
    }
    const field = /^(\w+): +(\d+) kB$/.exec(line);
    if (field?.[1] !== undefined) current?.fields.set(field[1], Number(field[2]));
  }
  finish();
  return found;
}
