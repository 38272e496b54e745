export type MetricKind = "counter" | "gauge";

/** A value that may have a fraction: as the older field of the API takes it, rounded down, and as it is. */
export interface Fractional {
  readonly whole: bigint;
  readonly exact: number;
}

/** One value, with the values of the metric's own labels. */
export interface Measurement {
  readonly labels: readonly string[];
  readonly value: bigint | Fractional;
}

/** A metric of the CRI, measured on one kind of sample. */
export interface Metric<Sample> {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricKind;
  /** Keys beside those that every metric has. */
  readonly labelKeys: readonly string[];
  readonly measure: (sample: Sample) => readonly Measurement[];
}

type Read<Sample> = (sample: Sample) => Measurement["value"] | undefined;

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
  read: (sample: Sample) => readonly (readonly [value: Measurement["value"] | undefined, ...labels: string[]])[],
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

const nanosecondsInOne = 1_000_000_000n;

/** A span in nanoseconds, as seconds: of 0.38 s of CPU time nothing is left without the fraction. */
export function seconds(nanoseconds: bigint | undefined): Fractional | undefined {
  if (nanoseconds === undefined) return undefined;
  const whole = nanoseconds / nanosecondsInOne;
  return { whole, exact: Number(whole) + Number(nanoseconds % nanosecondsInOne) / Number(nanosecondsInOne) };
}

/** A moment in nanoseconds since the epoch, as the whole seconds that cAdvisor tells it in. */
export function wholeSeconds(nanoseconds: bigint | undefined): bigint | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / nanosecondsInOne;
}
