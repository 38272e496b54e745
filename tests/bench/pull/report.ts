import { Samples } from "../statistics.ts";
import type { PullCost, PullFeel } from "./measure.ts";

export const measures = [
  "wallMs",
  "cpuSeconds",
  "rssGrowthMib",
  "removalMs",
  "toRunningMs",
  "versionP99Ms",
] as const satisfies readonly (keyof (PullCost & PullFeel))[];
export type Measure = (typeof measures)[number];

/** What is asked of crib: a share of the best peer's figure, or a figure. */
const goals: Readonly<Record<Measure, { readonly share?: number; readonly most?: number }>> = {
  wallMs: { share: 1 / 2.5 },
  cpuSeconds: { share: 0.6 },
  rssGrowthMib: { most: 100 },
  removalMs: { share: 1 / 5 },
  toRunningMs: {},
  versionP99Ms: { most: 10 },
};

export interface PullRow {
  readonly image: string;
  readonly measure: Measure;
  /** Medians, by engine. */
  readonly medians: Readonly<Record<string, number>>;
  /** crib over the best of the others. */
  readonly ratio: number | undefined;
  readonly met: boolean | undefined;
}

/** Figures of one image by engine and measure. */
export class PullFigures {
  readonly #samples = new Map<string, Samples>();

  constructor(readonly engines: readonly string[]) {}

  add(engine: string, figures: Partial<Record<Measure, number>>): void {
    for (const measure of measures) {
      const value = figures[measure];
      if (value !== undefined) this.#of(engine, measure).add(value);
    }
  }

  rows(image: string): readonly PullRow[] {
    return measures.map((measure) => {
      const medians = Object.fromEntries(
        this.engines.map((engine) => [engine, this.#of(engine, measure).quantile(0.5)]),
      );
      const { crib = Number.NaN, ...others } = medians;
      const peers = Object.values(others);
      const ratio = peers.length === 0 ? undefined : crib / Math.min(...peers);
      const { share, most } = goals[measure];
      const byShare = share === undefined || ratio === undefined ? undefined : ratio <= share;
      return { image, measure, medians, ratio, met: most === undefined ? byShare : crib <= most };
    });
  }

  #of(engine: string, measure: Measure): Samples {
    const key = `${engine} ${measure}`;
    const samples = this.#samples.get(key) ?? new Samples();
    this.#samples.set(key, samples);
    return samples;
  }
}

/** Markdown, one line a figure. */
export function pullTable(rows: readonly PullRow[], engines: readonly string[]): string {
  const head = ["image", "figure", ...engines, "ratio", "goal"];
  const lines = rows.map(({ image, measure, medians, ratio, met }) => [
    image,
    measure,
    ...engines.map((engine) => (medians[engine] ?? Number.NaN).toFixed(measure === "cpuSeconds" ? 2 : 1)),
    ratio === undefined ? "" : ratio.toFixed(2),
    met === undefined ? "" : met ? "met" : "MISSED",
  ]);
  return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
