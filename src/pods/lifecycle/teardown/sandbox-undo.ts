import { processRef } from "../../../kernel/process/process-ref.ts";
import type { NetworkAttachment } from "../../../network/port.ts";
import type { SandboxHandle } from "../../../runtime/port.ts";
import type { SandboxIntent } from "../../../state/intents.ts";
import type { TeardownStep } from "../../../state/records.ts";
import type { PodEngine } from "../../engine.ts";
import type { StepFailure } from "./step-failure.ts";
import { type Holdings, tearDown } from "./teardown.ts";

/**
 * Undoes a pod that is being made, unless it is kept. Its intent is cleared when everything is given back and not before:
 * what fails is repeated by this daemon, or from the intent by the next.
 */
export class SandboxUndo implements AsyncDisposable {
  readonly #engine: PodEngine;
  readonly #intent: SandboxIntent;
  readonly #held: TeardownStep[] = [];
  #launching: Promise<SandboxHandle> | undefined;
  #network: NetworkAttachment | undefined;
  #kept = false;

  constructor(engine: PodEngine, intent: SandboxIntent) {
    this.#engine = engine;
    this.#intent = intent;
  }

  /** Said before the deed: half of it is to be undone as well. */
  holds(step: TeardownStep): void {
    this.#held.push(step);
  }

  holdsMonitor(launching: Promise<SandboxHandle>): void {
    this.holds("monitor");
    this.#launching = launching;
    // The one who waits for the launch is told of its failure; here there is then nothing to end.
    launching.catch(() => undefined);
  }

  attached(network: NetworkAttachment): void {
    this.#network = network;
  }

  /** The pod has its record: nothing is undone any more. */
  keep(): void {
    this.#kept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kept) return;
    const [launched] = await Promise.allSettled([this.#launching]);
    const monitor = launched.status === "fulfilled" ? launched.value : undefined;
    if (monitor !== undefined) this.#engine.monitors.connected(monitor);
    const ref = monitor === undefined ? undefined : processRef(this.#engine.kernel, monitor.pid);
    // A launch that failed has ended what it had spawned.
    const wanted = monitor === undefined ? this.#held.filter((step) => step !== "monitor") : this.#held;
    const holdings = { ...holdingsOfIntent(this.#intent), network: this.#network, monitor: ref };
    await undoSandbox(this.#engine, holdings, wanted);
  }
}

/** A crash has left no word on how far it came: all that the pod could have had. */
export function holdingsOfIntent({ id, directory, cgroup, ownsCgroup, networkRequest }: SandboxIntent): Holdings {
  return {
    id,
    directory,
    cgroup,
    ownsCgroup,
    ownsShm: true,
    netns: networkRequest?.netns,
    networkRequest,
    network: undefined,
    monitor: undefined,
    init: undefined,
  };
}

/** Gives back what a pod without a record holds, as often as it takes; then its intent is done with. */
export async function undoSandbox(
  engine: PodEngine,
  holdings: Holdings,
  wanted: readonly TeardownStep[],
): Promise<readonly StepFailure[]> {
  const { id } = holdings;
  let released: readonly TeardownStep[] = [];
  async function attempt(): Promise<readonly StepFailure[]> {
    const outcome = await tearDown(engine, holdings, wanted, released);
    released = outcome.released;
    if (outcome.failures.length === 0) engine.intents.clear(id);
    engine.teardowns.note(id, outcome.failures, async () => void (await attempt()));
    return outcome.failures;
  }
  return await attempt();
}
