import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_ADDRESS } from "./own-host.ts";
import type { ProcessGroup } from "./process-group.ts";

const SERVER = "https://127.0.0.1:6443";
const ETCD = "http://127.0.0.1:2379";

/** etcd, API server, controller manager and scheduler, with their default ports on a host of their own. */
export class ControlPlane {
  /** For kubectl, kubelet and the controllers: one user who may do everything. */
  readonly kubeconfig: string;
  readonly #programs: string;
  readonly #directory: string;
  readonly #processes: ProcessGroup;
  readonly #token = randomBytes(16).toString("hex");

  constructor(programs: string, directory: string, processes: ProcessGroup) {
    this.#programs = programs;
    this.#directory = directory;
    this.#processes = processes;
    this.kubeconfig = this.#file("kubeconfig");
  }

  async start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    this.#writeFiles();
    this.#startEtcd();
    await this.#processes.ready("etcd", async () => (await fetch(`${ETCD}/readyz`)).ok);
    this.#startApiServer();
    await this.#processes.ready("kube-apiserver", async () => (await this.#get("/readyz")).ok);
    this.#startControllers();
  }

  #get(path: string): Promise<Response> {
    return fetch(`${SERVER}${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
      tls: { rejectUnauthorized: false },
      signal: AbortSignal.timeout(5_000),
    });
  }

  #startEtcd(): void {
    this.#processes.start("etcd", [
      join(this.#programs, "etcd"),
      `--data-dir=${this.#file("etcd")}`,
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      // What it holds lasts as long as this run.
      "--unsafe-no-fsync",
      "--log-level=warn",
    ]);
  }

  #startApiServer(): void {
    this.#processes.start("kube-apiserver", [
      join(this.#programs, "kube-apiserver"),
      `--etcd-servers=${ETCD}`,
      `--cert-dir=${this.#file("certificates")}`,
      `--advertise-address=${NODE_ADDRESS}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=AlwaysAllow",
      "--allow-privileged=true",
      // No name server of this host knows its name.
      "--kubelet-preferred-address-types=InternalIP",
      `--token-auth-file=${this.#file("tokens.csv")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${this.#file("accounts.pub")}`,
      `--service-account-signing-key-file=${this.#file("accounts.key")}`,
    ]);
  }

  #startControllers(): void {
    this.#processes.start("kube-controller-manager", [
      join(this.#programs, "kube-controller-manager"),
      `--kubeconfig=${this.kubeconfig}`,
      "--leader-elect=false",
      `--service-account-private-key-file=${this.#file("accounts.key")}`,
      `--root-ca-file=${this.#file("certificates/apiserver.crt")}`,
    ]);
    this.#processes.start("kube-scheduler", [
      join(this.#programs, "kube-scheduler"),
      `--kubeconfig=${this.kubeconfig}`,
      "--leader-elect=false",
    ]);
  }

  #writeFiles(): void {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    writeFileSync(this.#file("accounts.key"), privateKey, { mode: 0o600 });
    writeFileSync(this.#file("accounts.pub"), publicKey);
    writeFileSync(this.#file("tokens.csv"), `${this.#token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster: { server: SERVER, "insecure-skip-tls-verify": true } }],
      users: [{ name: "admin", user: { token: this.#token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
      "current-context": "test",
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config), { mode: 0o600 });
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }
}
