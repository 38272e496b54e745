import { lstatSync, readFileSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { CribError, unavailable } from "../errors/crib-error.ts";
import type { ContainerUpdate } from "../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { HostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { describeContainer } from "./describe/describe-container.ts";
import { describePod } from "./describe/describe-pod.ts";
import type { PluginLimits } from "./plugin/plugin-limits.ts";
import { registerPlugin } from "./plugin/register-plugin.ts";
import type { RegisteredPlugin } from "./plugin/registered-plugin.ts";
import { synchronize } from "./plugin/synchronize.ts";
import type { PluginRegistry } from "./plugin-registry.ts";
import type { PluginContainer, PluginPod, PluginUpdate } from "./port.ts";
import { otherUpdates } from "./relay/relay-update.ts";

/** What the service needs of the pods. */
export interface PluginHost {
  pods(): readonly PluginPod[];
  containers(): readonly PluginContainer[];
  /** Tries each change; the ids of those that failed and were not to be ignored. */
  applyUpdates(updates: readonly PluginUpdate[]): Promise<readonly string[]>;
}

export interface PluginServiceOptions {
  readonly limits: PluginLimits;
  /** Where plugins' configurations are, as `INDEX-name.conf` or `name.conf`. */
  readonly configDir: HostPath;
  readonly runtimeVersion: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** More would be a mistake or a flood; each is asked in turn at every container. */
const maxPlugins = 64;
const maxConfigBytes = 1 << 20;

/** Takes plugins that connect to NRI's socket into a registry. */
export class PluginService implements Disposable {
  readonly #registry: PluginRegistry;
  readonly #host: PluginHost;
  readonly #options: PluginServiceOptions;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(registry: PluginRegistry, host: PluginHost, options: PluginServiceOptions) {
    this.#registry = registry;
    this.#host = host;
    this.#options = options;
  }

  /**
   * Takes plugins there, and no longer where it took them before; those that are connected stay.
   *
   * @throws {CribError} unavailable. Resolves when plugins are accepted.
   */
  async listen(target: { readonly fd: Fd } | { readonly path: string }): Promise<void> {
    const server = createServer((socket) => void this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(unavailable(`cannot listen for plugins: ${error.message}`, error)));
      server.listen(target, resolve);
    });
    server.on("error", (error) => this.#options.log.error({ err: error }, "the socket of plugins failed"));
    this.#server?.close();
    this.#server = server;
  }

  /** Takes no more plugins, and lets those go that are connected. */
  stop(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.#server?.close();
    this.#registry[Symbol.dispose]();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #accept(socket: Socket): Promise<void> {
    const { log } = this.#options;
    if (this.#sockets.size >= maxPlugins) {
      log.warn({ plugins: this.#sockets.size }, "a plugin more than can be served: its connection is closed");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    try {
      await this.#admit(socket);
    } catch (error) {
      log.warn({ error: String(error) }, "a plugin that connected cannot be used");
      socket.destroy();
    }
  }

  async #admit(socket: Socket): Promise<void> {
    const { limits, clock, runtimeVersion } = this.#options;
    const plugin = await registerPlugin(socket, {
      limits,
      clock,
      runtimeVersion,
      configOf: (index, name) => this.#configOf(index, name),
      update: (by, updates) => this.#update(by, updates),
      onGone: (gone, reason) => {
        gone[Symbol.dispose]();
        this.#registry.remove(gone, reason.message);
      },
    });
    await this.#registry.add(plugin, () => this.#synchronize(plugin));
    if (plugin.closed) this.#registry.remove(plugin, "it went while it was told of the node's pods");
  }

  async #synchronize(plugin: RegisteredPlugin): Promise<void> {
    const pods = this.#host.pods().map(describePod);
    const wishes = await synchronize(plugin, pods, this.#host.containers().map(describeContainer));
    await this.#update(plugin.name, wishes);
  }

  async #update(plugin: string, wishes: readonly ContainerUpdate[]): Promise<ContainerUpdate[]> {
    if (wishes.length === 0) return [];
    const failed = new Set(await this.#host.applyUpdates(otherUpdates(wishes, plugin, new Map())));
    return wishes.filter(({ containerId }) => failed.has(containerId));
  }

  #configOf(index: string, name: string): string {
    for (const file of [`${index}-${name}.conf`, `${name}.conf`]) {
      const path = `${this.#options.configDir}/${file}`;
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (!stat.isFile() || stat.size > maxConfigBytes) {
        throw new CribError(
          "failed-precondition",
          `configuration ${path} of a plugin is not a regular file of at most ${maxConfigBytes} bytes`,
        );
      }
      return readFileSync(path, "utf8");
    }
    return "";
  }
}
