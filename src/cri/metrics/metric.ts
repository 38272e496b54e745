export type MetricKind = "counter" | "gauge";

/** One value, with the values of the metric's own labels. */
export interface Measurement {
  readonly labels: readonly string[];
  readonly value: bigint;
}

/** A metric of the CRI, measured on one kind of sample. The API's values are integers: fractions are rounded down. */
export interface Metric<Sample> {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricKind;
  /** Keys beside those that every metric has. */
  readonly labelKeys: readonly string[];
  readonly measure: (sample: Sample) => readonly Measurement[];
}

type Read<Sample> = (sample: Sample) => bigint | undefined;

/** undefined: not accounted on this host, nothing is sent. */
export function counter<Sample>(name: string, help: string, read: Read<Sample>): Metric<Sample> {
  return single("counter", name, help, read);
}

export function gauge<Sample>(name: string, help: string, read: Read<Sample>): Metric<Sample> {
  return single("gauge", name, help, read);
}

/** A metric with labels of its own: one value for each set of them. */
export function labelled<Sample>(
  kind: MetricKind,
  name: string,
  help: string,
  labelKeys: readonly string[],
  read: (sample: Sample) => readonly (readonly [value: bigint | undefined, ...labels: string[]])[],
): Metric<Sample> {
  return {
    name,
    help,
    kind,
    labelKeys,
    measure: (sample) => read(sample).flatMap(([value, ...labels]) => (value === undefined ? [] : [{ labels, value }])),
  };
}

function single<Sample>(kind: MetricKind, name: string, help: string, read: Read<Sample>): Metric<Sample> {
  return labelled(kind, name, help, [], (sample) => [[read(sample)]]);
}

/** Whole seconds of a span in nanoseconds. */
export function seconds(nanoseconds: bigint | undefined): bigint | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / 1_000_000_000n;
}
