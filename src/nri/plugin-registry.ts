import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { Log } from "../observe/log.ts";
import type { RuntimeSpec, SpecResources } from "../oci/runtime-spec.ts";
import type { Claims } from "./adjust/claims.ts";
import { Creations } from "./creations.ts";
import { describeContainer } from "./describe/describe-container.ts";
import { describePod } from "./describe/describe-pod.ts";
import { describeResources } from "./describe/describe-resources.ts";
import type { Telling } from "./plugin/plugin-events.ts";
import { changingRequests, containerRequests, podRequests } from "./plugin/plugin-events.ts";
import type { RegisteredPlugin, Subject } from "./plugin/registered-plugin.ts";
import type {
  ContainerEvent,
  CreateOutcome,
  PluginContainer,
  PluginPod,
  Plugins,
  PluginUpdate,
  PodEvent,
  UpdateOutcome,
} from "./port.ts";
import { relayCreation } from "./relay/relay-creation.ts";
import { otherUpdates, relayUpdate } from "./relay/relay-update.ts";

/** The plugins that are connected, in the order of their names, and how requests reach them. */
export class PluginRegistry implements Plugins, Disposable {
  readonly #log: Log;
  readonly #creations = new Creations();
  #plugins: readonly RegisteredPlugin[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  get any(): boolean {
    return this.#plugins.length > 0;
  }

  get names(): readonly string[] {
    return this.#plugins.map(({ name }) => name);
  }

  /**
   * Adds a plugin between two creations: `synchronize` tells it of what there is, and everything later reaches it as it happens.
   */
  async add(plugin: RegisteredPlugin, synchronize: () => Promise<void>): Promise<void> {
    using _nothingIsMade = await this.#creations.pause();
    await synchronize();
    this.#plugins = [...this.#plugins, plugin].toSorted((one, other) => (one.name < other.name ? -1 : 1));
    this.#log.info({ plugin: plugin.name, order: this.names.join(" ") }, "plugin registered");
  }

  remove(plugin: RegisteredPlugin, reason: string): void {
    if (!this.#plugins.includes(plugin)) return;
    this.#plugins = this.#plugins.filter((each) => each !== plugin);
    this.#log.warn({ plugin: plugin.name, reason }, "plugin is gone");
  }

  async creating(): Promise<Disposable> {
    return await this.#creations.begin();
  }

  async podEvent(event: PodEvent, pod: PluginPod): Promise<void> {
    await this.#tell(podRequests[event], { pod: describePod(pod) });
  }

  async updatePod(pod: PluginPod, overhead: SpecResources, resources: SpecResources): Promise<void> {
    const input = {
      pod: describePod(pod),
      overheadLinuxResources: describeResources(overhead),
      linuxResources: describeResources(resources),
    };
    for (const plugin of this.#asked()) {
      if (plugin.wants(changingRequests.updatePod)) await plugin.ask(changingRequests.updatePod, input, {});
    }
  }

  async containerEvent(event: ContainerEvent, pod: PluginPod, container: PluginContainer): Promise<void> {
    await this.#tell(containerRequests[event], { pod: describePod(pod), container: describeContainer(container) });
  }

  async createContainer(
    pod: PluginPod,
    container: PluginContainer,
    injectCdi: (spec: RuntimeSpec, devices: readonly string[]) => RuntimeSpec,
  ): Promise<CreateOutcome> {
    return await relayCreation(this.#asked(), pod, container, injectCdi);
  }

  async updateContainer(pod: PluginPod, container: PluginContainer, requested: SpecResources): Promise<UpdateOutcome> {
    return await relayUpdate(this.#asked(), pod, container, requested);
  }

  async stopContainer(pod: PluginPod, container: PluginContainer): Promise<readonly PluginUpdate[]> {
    const subject = { pod: describePod(pod), container: describeContainer(container) };
    const claims = new Map<string, Claims>();
    const updates: PluginUpdate[] = [];
    for (const plugin of this.#asked()) {
      if (!plugin.wants(changingRequests.stopContainer)) continue;
      const reply = await plugin.ask(changingRequests.stopContainer, subject, {});
      updates.push(...otherUpdates(reply?.update ?? [], plugin.name, claims));
    }
    return updates;
  }

  [Symbol.dispose](): void {
    for (const plugin of this.#plugins) plugin[Symbol.dispose]();
    this.#plugins = [];
  }

  /** Those that may be asked now; one that goes meanwhile says so itself. */
  #asked(): readonly RegisteredPlugin[] {
    return this.#plugins.filter(({ closed }) => !closed);
  }

  async #tell(request: Telling, subject: Subject): Promise<void> {
    for (const plugin of this.#asked()) {
      if (plugin.wants(request)) await plugin.ask(request, subject as MessageInitShape<DescMessage>, subject);
    }
  }
}
