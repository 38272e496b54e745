/**
 * Bounds on what one layer archive may make crib do (gzip and zstd bombs, empty-file bombs, CVE-2025-58183).
 * They stand far above the largest images in the field and far below what fills a node unnoticed.
 */
export interface LayerLimits {
  /** Members, headers of every kind included. */
  readonly maxEntries: number;
  /** Uncompressed archive. */
  readonly maxArchiveBytes: number;
  /** Uncompressed over compressed; looked at only after `ratioFreeBytes` of output. */
  readonly maxRatio: number;
  readonly ratioFreeBytes: number;
  /** Text of all directory names kept until the end to set their times. */
  readonly maxDirectoryNameBytes: number;
  /** Room that must stay free on the filesystem. */
  readonly minFreeBytes: number;
}

export const defaultLayerLimits: LayerLimits = Object.freeze({
  maxEntries: 4_000_000,
  maxArchiveBytes: 512 * 1024 ** 3,
  maxRatio: 200,
  ratioFreeBytes: 1024 ** 3,
  maxDirectoryNameBytes: 64 * 1024 ** 2,
  minFreeBytes: 128 * 1024 ** 2,
});

/** PAX headers and GNU long names: more than PATH_MAX many times over, and never a way to fill memory. */
export const maxMetadataBytes = 1024 * 1024;
/** PATH_MAX without its NUL. */
export const maxPathBytes = 4095;
/** 128 MiB, the window a zstd decoder must support at most (RFC 8878 recommends 8 MiB; `--long=27` is common). */
export const maxZstdWindowLog = 27;
