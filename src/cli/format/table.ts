import type { CliOutput } from "../program/cli-io.ts";
import { paint } from "./paint.ts";
import { printable } from "./printable.ts";

/** One column: its heading, and how a row is shown in it. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "right";
}

const gap = "   ";

/**
 * Prints rows in aligned columns, headings first, never cut: scripts and `grep` see whole values.
 * Widths count what a terminal shows, so wide characters stay aligned.
 */
export function printTable<Row>(output: CliOutput, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const widths = columns.map((column, index) =>
    cells.reduce((widest, row) => Math.max(widest, Bun.stringWidth(row[index] ?? "")), column.title.length),
  );
  const line = (values: readonly string[]): string =>
    values
      .map((value, index) => {
        const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - Bun.stringWidth(value)));
        return columns[index]?.align === "right" ? padding + value : value + padding;
      })
      .join(gap)
      .trimEnd();
  output.write(`${paint(output, "bold", line(columns.map((column) => column.title)))}\n`);
  for (const row of cells) output.write(`${line(row)}\n`);
}
