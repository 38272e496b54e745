/**
 * YAML 1.1 reads `fileMode: 0660` as octal, YAML 1.2 as 660: the files are written for parsers of the first kind, Bun's is
 * of the second, and 0400 would silently become another mode. Rewritten to the decimal number, which both read alike.
 */
export function decimalModes(yaml: string): string {
  return yaml.replace(
    /((?:^|[\s{,-])["']?fileMode["']?\s*:\s*)0([0-7]+)(?=\s|[,}#]|$)/g,
    (_all, key: string, digits: string) => `${key}${Number.parseInt(digits, 8)}`,
  );
}
