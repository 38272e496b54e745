/** What a tar entry is once every header form (ustar, GNU, PAX) has been merged. */
export type TarEntryKind = "file" | "hardlink" | "symlink" | "character" | "block" | "directory" | "fifo";

/** One archive member. Names are raw bytes as text: see `decodeName`. */
export interface TarEntry {
  readonly kind: TarEntryKind;
  readonly name: string;
  /** Target of a hard or symbolic link; empty otherwise. */
  readonly linkName: string;
  /** Permission bits including setuid, setgid and sticky: `& 0o7777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content, holes included; zero for everything but files. */
  readonly sizeBytes: number;
  /** Bytes of content that the archive holds: less than `sizeBytes` for a file with holes. */
  readonly storedBytes: number;
  readonly mtimeNs: bigint;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by full name, from `SCHILY.xattr.` records. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** Receives the members of an archive in order; `data` and `hole` are called between `begin` and `end` of a file only. */
export interface TarSink {
  begin(entry: TarEntry): void;
  /** `bytes` is valid during the call only. */
  data(bytes: Uint8Array): void;
  /** Zeros that the archive does not hold; never for a file whose `storedBytes` are all of it. */
  hole(length: number): void;
  end(): void;
}
