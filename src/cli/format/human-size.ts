const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 1536 → `1.50 KiB`, 2048 → `2 KiB`: three figures at most, so that columns stay narrow. */
export function humanSize(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  // 999.5 would print as "1000": step to the next unit before that.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits).replace(/\.0+$/, "")} ${units[unit]}`;
}
