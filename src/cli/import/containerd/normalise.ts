import { type ForeignTable, isTable, mergeTables, tableAt } from "../foreign-document.ts";

/** One file of containerd's, or all of them, in one form whichever version they are written in. */
export interface ContainerdSections {
  /** What is not a plugin's. */
  readonly server: ForeignTable;
  /** The CRI plugin's settings, which versions 3 and 4 spread over three plugins. */
  readonly cri: ForeignTable;
  /** Undefined: nothing is said of it. */
  readonly nri: ForeignTable | undefined;
  readonly tracing: ForeignTable;
  /** Address of the metrics endpoint. */
  readonly metrics: ForeignTable;
  readonly grpc: ForeignTable;
}

const newest = 4;

/** @returns why the file cannot be used. */
export function normalise(
  file: ForeignTable,
): { readonly version: number; readonly sections: ContainerdSections } | string {
  const version = file["version"] ?? 1;
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) return "its version is no number";
  if (version > newest) return `is of version ${version}; crib reads up to ${newest}`;
  const plugin = (id: string) => tableAt(file, "plugins", id);
  const plugins = tableAt(file, "plugins");
  const server = Object.fromEntries(
    Object.entries(file).filter(
      ([name]) => !["version", "imports", "plugins", "grpc", "metrics", "ttrpc"].includes(name),
    ),
  );
  const nri = plugins["io.containerd.nri.v1.nri"];
  return {
    version,
    sections: {
      server,
      cri: criOf(version, plugin),
      nri: isTable(nri) ? nri : undefined,
      tracing: mergeTables(
        plugin("io.containerd.tracing.processor.v1.otlp"),
        plugin("io.containerd.internal.v1.tracing"),
      ),
      metrics: mergeTables(tableAt(file, "metrics"), plugin("io.containerd.server.v1.metrics")),
      grpc: mergeTables(tableAt(file, "grpc"), plugin("io.containerd.server.v1.grpc")),
    },
  };
}

function criOf(version: number, plugin: (id: string) => ForeignTable): ForeignTable {
  if (version === 1) return plugin("cri");
  const both = plugin("io.containerd.grpc.v1.cri");
  if (version === 2) return both;
  const runtime = plugin("io.containerd.cri.v1.runtime");
  return [runtime, plugin("io.containerd.cri.v1.images"), both].reduce(mergeTables);
}

export function mergeSections(earlier: ContainerdSections, later: ContainerdSections): ContainerdSections {
  const nri = later.nri === undefined ? earlier.nri : mergeTables(earlier.nri ?? {}, later.nri);
  return {
    server: mergeTables(earlier.server, later.server),
    cri: mergeTables(earlier.cri, later.cri),
    nri,
    tracing: mergeTables(earlier.tracing, later.tracing),
    metrics: mergeTables(earlier.metrics, later.metrics),
    grpc: mergeTables(earlier.grpc, later.grpc),
  };
}
