import type { Config } from "../../config/config.ts";
import type { LayerProcesses } from "../../layers/native/layer-processes.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { dockerConfigSecret } from "./credentials/docker-config.ts";
import type { RegistrySecret } from "./credentials/registry-secret.ts";
import { hostOfAddress, type RequestSecret } from "./credentials/request-secret.ts";
import type { HostFailure, HostHealth } from "./hosts/host-health.ts";
import type { RegistryEndpoint } from "./hosts/registry-endpoint.ts";
import { registryEndpoints } from "./hosts/registry-hosts.ts";
import type { ImageReference } from "./reference.ts";
import { repositoryName } from "./reference.ts";
import { Repository } from "./repository.ts";
import { RepositoryClient } from "./repository-client.ts";

/** What repositories share. */
export interface RepositoryWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: HostHealth;
  readonly onFailure: (failure: HostFailure) => void;
  /** What receives blobs over plain HTTP; undefined where a proxy stands between, or nothing large is fetched. */
  readonly processes?: LayerProcesses | undefined;
}

/** The repository of a reference as the node is configured now, each endpoint with the credentials that are its own. */
export async function openRepository(
  reference: ImageReference,
  requested: RequestSecret | undefined,
  registry: Config["registry"],
  { clock, log, health, onFailure, processes }: RepositoryWorld,
): Promise<Repository> {
  const endpoints = registryEndpoints(registry.hostsDirs, reference.domain);
  const clients = await Promise.all(
    endpoints.map(async (endpoint) => {
      const secret = await secretFor(endpoint, reference.domain, requested, registry, log);
      const target = { endpoint, repository: reference.path, domain: reference.domain, secret };
      return new RepositoryClient(target, registry.stallTimeoutMs, clock, processes);
    }),
  );
  return new Repository(repositoryName(reference), reference.domain, clients, health, onFailure);
}

/** The request's secret goes to the host it names, or else to the registry of the reference; mirrors have their own. */
async function secretFor(
  endpoint: RegistryEndpoint,
  domain: string,
  requested: RequestSecret | undefined,
  registry: Config["registry"],
  log: Log,
): Promise<RegistrySecret | undefined> {
  const host = new URL(endpoint.origin).host;
  if (requested !== undefined) {
    const meant = requested.host ?? hostOfAddress(domain);
    if (meant === host || (endpoint.isUpstream && meant === hostOfAddress(domain))) return requested.secret;
  }
  return await dockerConfigSecret(registry.dockerConfig, endpoint.isUpstream ? domain : host, log);
}
