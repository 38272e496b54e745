import type { CliOutput } from "../program/cli-io.ts";

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Paint = keyof typeof codes;

/** `text` in a colour where the output takes colours, unchanged elsewhere. */
export function paint(output: Pick<CliOutput, "color">, style: Paint, text: string): string {
  return output.color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
}
