import type { Config } from "./config.ts";
import { deepFreeze } from "./defaults.ts";

/**
 * The configuration as it is now: after a reload its sections are others. Who keeps a section keeps what was; who reads it here
 * each time has what is.
 */
export class RunningConfig implements Config {
  #now: Config;

  constructor(config: Config) {
    this.#now = config;
  }

  get now(): Config {
    return this.#now;
  }

  replace(config: Config): void {
    this.#now = deepFreeze(config);
  }

  get root() {
    return this.#now.root;
  }
  get state() {
    return this.#now.state;
  }
  get listen() {
    return this.#now.listen;
  }
  get containerdApi() {
    return this.#now.containerdApi;
  }
  get log() {
    return this.#now.log;
  }
  get cgroup() {
    return this.#now.cgroup;
  }
  get cni() {
    return this.#now.cni;
  }
  get network() {
    return this.#now.network;
  }
  get registry() {
    return this.#now.registry;
  }
  get images() {
    return this.#now.images;
  }
  get cdi() {
    return this.#now.cdi;
  }
  get nri() {
    return this.#now.nri;
  }
  get runtime() {
    return this.#now.runtime;
  }
  get streaming() {
    return this.#now.streaming;
  }
}
