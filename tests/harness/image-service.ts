import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseHostPath } from "../../src/ids/path.ts";
import { createImages, type ImageService, type ImagesOptions } from "../../src/images/create-images.ts";
import type { Image, PullProgress, RegistryCredentials } from "../../src/images/port.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";

export interface OpenOptions extends Partial<Pick<ImagesOptions, "platform" | "limits" | "clock">> {
  readonly stallTimeoutMs?: number;
  readonly trustPolicy?: string;
  readonly perRegistry?: number;
  readonly dockerConfig?: string;
  readonly bootId?: string;
  readonly layerStore?: "auto" | "directories" | "erofs";
  readonly pinned?: readonly string[];
  /** Blobs come through this process, as those of TLS do. */
  readonly httpProxy?: boolean;
}

/** The image service alone, on a directory that outlives it: open it twice and the second is a restarted daemon. */
export interface OpenedImages extends Disposable {
  readonly images: ImageService;
  readonly warnings: readonly string[];
  /** Lines of level info, with their fields. */
  readonly infos: readonly Readonly<Record<string, unknown>>[];
  pull(reference: string, options?: PullOptions): Promise<Image>;
  /** The error of a pull that must fail. */
  refusal(reference: string, options?: PullOptions): Promise<{ readonly code: string; readonly message: string }>;
}

export interface PullOptions {
  readonly credentials?: Partial<RegistryCredentials>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
}

const noCredentials: RegistryCredentials = {
  username: "",
  password: "",
  auth: "",
  serverAddress: "",
  identityToken: "",
  registryToken: "",
};

export const kernel = createLinuxKernel();

/** @param directory `hosts` below it is the hosts directory, `root` the store. */
export async function openImages(directory: string, options: OpenOptions = {}): Promise<OpenedImages> {
  const root = join(directory, "root");
  mkdirSync(root, { recursive: true });
  const database = new Database(join(root, "meta.db"), { create: true, strict: true });
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"])
    database.run(`PRAGMA ${pragma}`);
  const warnings: string[] = [];
  const infos: Record<string, unknown>[] = [];
  const note = (_fields: unknown, message: string): void => void warnings.push(message);
  const { platform, limits, clock } = options;
  const images = await createImages({
    root: parseHostPath(root),
    database,
    room: { insist: (write) => write() },
    kernel,
    bootId: options.bootId ?? "this boot",
    config: {
      registry: {
        hostsDirs: [parseHostPath(join(directory, "hosts"))],
        dockerConfig: options.dockerConfig === undefined ? undefined : parseHostPath(options.dockerConfig),
        maxConcurrentDownloads: 3,
        maxConcurrentDownloadsPerRegistry: options.perRegistry ?? 3,
        stallTimeoutMs: options.stallTimeoutMs ?? 10_000,
      },
      images: {
        pinned: options.pinned ?? [],
        layerStore: options.layerStore ?? "auto",
        checkIntervalMs: 3_600_000,
        trustPolicy: options.trustPolicy === undefined ? undefined : parseHostPath(options.trustPolicy),
      },
    },
    log: {
      debug: () => undefined,
      info: (fields, message) => void infos.push({ ...fields, message }),
      warn: note,
      error: note,
    },
    clock: clock ?? createSystemClock(),
    httpProxy: options.httpProxy ?? false,
    ...(platform === undefined ? {} : { platform }),
    ...(limits === undefined ? {} : { limits }),
  });
  const pull = async (reference: string, { credentials, signal, onProgress }: PullOptions = {}): Promise<Image> =>
    await images.pull(
      {
        reference,
        credentials: credentials === undefined ? undefined : { ...noCredentials, ...credentials },
        ...(onProgress === undefined ? {} : { onProgress }),
      },
      signal ?? new AbortController().signal,
    );
  return {
    images,
    warnings,
    infos,
    pull,
    refusal: (reference, pullOptions) =>
      pull(reference, pullOptions).then(
        () => Promise.reject(new Error(`${reference} was pulled and should not have been`)),
        (error: { code: string; message: string }) => error,
      ),
    [Symbol.dispose]() {
      images[Symbol.dispose]();
      database.close();
    },
  };
}
