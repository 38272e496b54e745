import type { Socket } from "node:net";
import { deadlineExceeded, invalidArgument, unavailable } from "../../errors/crib-error.ts";
import type { ContainerUpdate, RegisterPluginRequest } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { Plugin as PluginService, Runtime } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { Clock } from "../../observe/clock.ts";
import { TtrpcClient } from "../../ttrpc/ttrpc-client.ts";
import { handler, TtrpcServer } from "../../ttrpc/ttrpc-server.ts";
import { allEvents, usualEvents } from "./plugin-events.ts";
import type { PluginLimits } from "./plugin-limits.ts";
import { RegisteredPlugin } from "./registered-plugin.ts";
import { pluginConnection, runtimeConnection, Trunk } from "./trunk.ts";

/** The interface's version that crib speaks, as plugins are told. */
const nriVersion = "v0.12.5";

export interface Registration {
  readonly clock: Clock;
  readonly limits: PluginLimits;
  readonly runtimeVersion: string;
  /** The text of the plugin's configuration file; empty where there is none. */
  readonly configOf: (index: string, name: string) => string;
  /** Changes a plugin asks for of its own accord; those that failed are told back. */
  readonly update: (plugin: string, updates: readonly ContainerUpdate[]) => Promise<ContainerUpdate[]>;
  readonly onGone: (plugin: RegisteredPlugin, reason: Error) => void;
}

/**
 * A plugin that has connected: it names itself, is configured, and says which events it wants.
 *
 * @throws {CribError} deadline-exceeded, invalid-argument (its name, index or events), unavailable (it went).
 */
export async function registerPlugin(socket: Socket, registration: Registration): Promise<RegisteredPlugin> {
  const { clock, limits } = registration;
  const trunk = new Trunk(socket);
  using undo = new DisposableStack();
  undo.use(trunk);
  const named = Promise.withResolvers<RegisterPluginRequest>();
  const name = { text: "a plugin that has not registered" };
  let plugin: RegisteredPlugin | undefined;
  const client = new TtrpcClient(trunk.open(pluginConnection), clock, "plugin", (reason) => {
    named.reject(unavailable(`${name.text} went before it was registered: ${reason.message}`, reason));
    if (plugin !== undefined) registration.onGone(plugin, reason);
  });
  new TtrpcServer(trunk.open(runtimeConnection), [
    handler(Runtime.method.registerPlugin, async (request) => {
      checkName(request);
      named.resolve(request);
      return {};
    }),
    handler(Runtime.method.updateContainers, async ({ update }) => ({
      failed: await registration.update(name.text, update),
    })),
  ]);

  const { pluginName, pluginIdx } = await within(clock, limits.registrationMs, named.promise);
  name.text = `${pluginIdx}-${pluginName}`;
  const configured = await client.call(
    PluginService.method.configure,
    {
      config: registration.configOf(pluginIdx, pluginName),
      runtimeName: "crib",
      runtimeVersion: registration.runtimeVersion,
      registrationTimeout: BigInt(limits.registrationMs),
      requestTimeout: BigInt(limits.requestMs),
      NRIVersion: nriVersion,
    },
    limits.requestMs,
  );
  const events = configured.events === 0 ? usualEvents : configured.events;
  if ((events & ~allEvents) !== 0) {
    throw invalidArgument(`plugin ${name.text} subscribes to events that are not known: 0x${events.toString(16)}`);
  }
  const { failRequest = false, keepConnected = false } = configured.failurePolicy ?? {};
  plugin = new RegisteredPlugin(name.text, { failRequest, keepConnected, events }, limits, client, trunk);
  undo.move();
  return plugin;
}

function checkName({ pluginName, pluginIdx }: RegisterPluginRequest): void {
  if (!/^[\w.+-]{1,200}$/.test(pluginName)) {
    throw invalidArgument(`plugin name ${JSON.stringify(pluginName)} is not made of letters, digits and _ . + -`);
  }
  if (!/^\d\d$/.test(pluginIdx)) {
    throw invalidArgument(`index ${JSON.stringify(pluginIdx)} of plugin ${pluginName} is not two digits`);
  }
}

async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(ms, done.signal).then((passed): T | Promise<T> => {
    if (passed) throw deadlineExceeded(`a plugin connected and did not register within ${ms} ms`);
    return promise;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
    // Its end has been told by `promise`; this one must not become an unhandled rejection.
    late.catch(() => undefined);
  }
}
