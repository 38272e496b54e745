import { invalidArgument } from "../errors/crib-error.ts";
import type { CdiFile } from "./cdi-file.ts";
import { cdiFileSchema } from "./cdi-file.ts";
import { checkCdiVersion } from "./file-version.ts";

/**
 * YAML 1.1 reads `fileMode: 0660` as octal, YAML 1.2 as 660: the files are written for parsers of the first kind, Bun's is
 * of the second, and 0400 would silently become another mode. Rewritten to the decimal number, which both read alike.
 */
function decimalModes(yaml: string): string {
  return yaml.replace(
    /((?:^|[\s{,-])["']?fileMode["']?\s*:\s*)0([0-7]+)(?=\s|[,}#]|$)/g,
    (_all, key: string, digits: string) => `${key}${Number.parseInt(digits, 8)}`,
  );
}

/** Larger than any generated file in the field; a parser's time and memory grow with it. */
export const maxCdiFileBytes = 4 << 20;

/**
 * Reads a file by its name's ending, `.json` or `.yaml`. Unknown fields are refused, as the specification asks:
 * an edit that is skipped gives a container half a device.
 *
 * @throws {CribError} invalid-argument naming the file and the field.
 */
export function parseCdiFile(path: string, text: string): CdiFile {
  if (text.length > maxCdiFileBytes) throw invalidArgument(`CDI file ${path} is larger than ${maxCdiFileBytes} bytes`);
  const result = cdiFileSchema.safeParse(readDocument(path, text));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw invalidArgument(`CDI file ${path}: ${issue?.path.join(".") || "top level"}: ${issue?.message}`);
  }
  const names = result.data.devices.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw invalidArgument(`CDI file ${path} has two devices ${JSON.stringify(repeated)}`);
  checkCdiVersion(path, result.data);
  return result.data;
}

function readDocument(path: string, text: string): unknown {
  try {
    return path.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(decimalModes(text));
  } catch (error) {
    throw invalidArgument(`CDI file ${path} cannot be read: ${error instanceof Error ? error.message : error}`, error);
  }
}
