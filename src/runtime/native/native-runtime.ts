import type { SandboxId } from "../../ids/object-id.ts";
import { newSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { RuntimeSpec, SpecSeccomp } from "../../oci/runtime-spec.ts";
import { deadlines } from "../deadlines.ts";
import type {
  ContainerExit,
  RuntimeExamination,
  RuntimeFeatures,
  SandboxBeginning,
  SandboxNamespaces,
  SandboxRemains,
  SandboxReservation,
  SandboxRuntime,
  SandboxSetup,
} from "../port.ts";
import { makeSandboxDirectory, sandboxDirectory } from "../sandbox-directory.ts";
import { endMonitor } from "./end-monitor.ts";
import type { Monitor, MonitorSetup } from "./monitor/port.ts";
import { NativeSandbox } from "./native-sandbox.ts";
import type { NativeTools } from "./native-tools.ts";
import { checkPlanFits } from "./plan/check-plan-fits.ts";
import { type SpareMonitor, SpareMonitors } from "./spare-monitors.ts";
import { unshareFlags } from "./unshare-flags.ts";

export interface NativeRuntimeDependencies extends NativeTools {
  readonly features: RuntimeFeatures;
  /** Of the daemon: pods have their directories below it. */
  readonly state: HostPath;
}

export interface NativeReservation extends SandboxReservation {
  begin(setup: SandboxSetup): NativeBeginning;
}

export interface NativeBeginning extends SandboxBeginning {
  readonly launched: Promise<NativeSandbox>;
}

/** crib's own runtime: a monitor a pod, most often one that was made ahead. */
export class NativeRuntime implements SandboxRuntime {
  readonly features: RuntimeFeatures;
  readonly #tools: NativeTools;
  readonly #state: HostPath;
  readonly #spares: SpareMonitors;

  constructor({ features, state, ...tools }: NativeRuntimeDependencies) {
    this.features = features;
    this.#tools = tools;
    this.#state = state;
    this.#spares = new SpareMonitors({ ...tools, state });
  }

  async examine(): Promise<RuntimeExamination> {
    return { program: undefined, version: this.#tools.launcher.build, problem: undefined };
  }

  prepare({ seccomp }: { readonly seccomp: SpecSeccomp | undefined }): void {
    // Not by libseccomp, while the first pod waits.
    this.#tools.seccomp.program(seccomp);
    this.#spares.prepare();
  }

  reserve(namespaces: SandboxNamespaces, { fresh }: { readonly fresh: boolean }): NativeReservation {
    const unshare = unshareFlags(namespaces);
    // What waits there was made in the host's user namespace.
    const mayWait = !fresh && namespaces.userNamespace === undefined;
    const spare = mayWait ? this.#spares.waiting(unshare) : undefined;
    const id = spare?.id ?? newSandboxId();
    return { id, madeAhead: spare !== undefined, begin: (setup) => this.#begin(id, setup, spare) };
  }

  async adopt(sandboxId: SandboxId, directory: HostPath): Promise<NativeSandbox> {
    return this.#handle(await this.#tools.launcher.reconnect(sandboxId, directory));
  }

  async end(remains: SandboxRemains): Promise<void> {
    await endMonitor(this.#tools, remains);
  }

  readExitRecords(directory: HostPath): readonly ContainerExit[] {
    return this.#tools.launcher.readExitRecords(directory);
  }

  check(spec: RuntimeSpec): void {
    checkPlanFits(spec);
  }

  [Symbol.dispose](): void {
    this.#spares[Symbol.dispose]();
  }

  #begin(id: SandboxId, setup: SandboxSetup, spare: SpareMonitor | undefined): NativeBeginning {
    const asked = monitorSetup(setup);
    this.#spares.take(asked.unshare, spare);
    const launching = spare === undefined ? this.#launch(id) : Promise.resolve(spare.monitor);
    const ready =
      spare === undefined
        ? launching.then((monitor) => monitor.setup(asked))
        : spare.monitor.setup(asked, deadlines.spareSetupMs);
    return { launched: launching.then((monitor) => this.#handle(monitor)), ready };
  }

  async #launch(id: SandboxId): Promise<Monitor> {
    const directory = sandboxDirectory(this.#state, id);
    makeSandboxDirectory(directory);
    return await this.#tools.launcher.launch(id, directory);
  }

  #handle(monitor: Monitor): NativeSandbox {
    return new NativeSandbox(monitor, this.#tools);
  }
}

function monitorSetup({ namespaces, hostname, sharedPid, sysctls }: SandboxSetup): MonitorSetup {
  return {
    unshare: unshareFlags(namespaces),
    hostname: namespaces.hostUts ? undefined : hostname,
    loopback: !namespaces.hostNetwork,
    pidInit: sharedPid,
    sysctls,
    userNamespace: namespaces.userNamespace,
  };
}
