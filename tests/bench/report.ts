import budgets from "./budgets.json";

interface Budget {
  readonly maxRatio?: number;
  readonly minRatio?: number;
  readonly max?: number;
}

/** One line of the table. Values are undefined where an engine was not measured. */
export interface Row {
  /** Key of budgets.json, where the line has a budget. */
  readonly id: string;
  readonly what: string;
  readonly unit: "ms" | "KiB" | "MiB" | "/s";
  readonly crib: number | undefined;
  readonly containerd: number | undefined;
  readonly cribP99?: number | undefined;
  readonly containerdP99?: number | undefined;
}

export interface JudgedRow extends Row {
  /** crib over containerd. */
  readonly ratio: number | undefined;
  readonly budget: string;
  readonly met: boolean | undefined;
}

export function judge(row: Row): JudgedRow {
  const budget: Budget = (budgets as Readonly<Record<string, Budget>>)[row.id] ?? {};
  const { crib, containerd } = row;
  const ratio = crib === undefined || containerd === undefined ? undefined : crib / containerd;
  const { maxRatio, minRatio, max } = budget;
  const parts: string[] = [];
  const checks: (boolean | undefined)[] = [];
  if (maxRatio !== undefined) {
    parts.push(`≤ ${fraction(maxRatio)}`);
    checks.push(ratio === undefined ? undefined : ratio <= maxRatio);
  }
  if (minRatio !== undefined) {
    parts.push(`≥ ${minRatio}×`);
    checks.push(ratio === undefined ? undefined : ratio >= minRatio);
  }
  if (max !== undefined) {
    parts.push(`≤ ${max} ${row.unit}`);
    checks.push(crib === undefined ? undefined : crib <= max);
  }
  const met = checks.length === 0 || checks.includes(undefined) ? undefined : checks.every((check) => check === true);
  return { ...row, ratio, budget: parts.join(", "), met };
}

/** 0.125 → "1/8", 0.4 → "2/5". */
function fraction(ratio: number): string {
  const denominator = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].find(
    (each) => Math.abs(ratio * each - Math.round(ratio * each)) < 0.001,
  );
  return denominator === undefined ? String(ratio) : `${Math.round(ratio * denominator)}/${denominator}`;
}

/** The table as aligned text. */
export function table(rows: readonly JudgedRow[]): string {
  const cells = [
    ["", "crib p50", "p99", "containerd p50", "p99", "ratio", "budget", ""],
    ...rows.map((row) => [
      row.what,
      quantity(row.crib, row.unit),
      quantity(row.cribP99, row.unit),
      quantity(row.containerd, row.unit),
      quantity(row.containerdP99, row.unit),
      row.ratio === undefined ? "" : ratioText(row.ratio),
      row.budget,
      row.met === undefined ? "" : row.met ? "met" : "MISSED",
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  const textColumns = new Set([0, 6, 7]);
  return cells
    .map((line) =>
      line
        .map((cell, column) =>
          textColumns.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function ratioText(ratio: number): string {
  return ratio >= 1 ? `${ratio.toFixed(1)}×` : `1/${(1 / ratio).toFixed(1)}`;
}

function quantity(value: number | undefined, unit: Row["unit"]): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return `${value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}
