/** Names within a layer: a tree of files, or an archive and its index. */
export const layerNames = { tree: "fs", archive: "archive.tar", index: "index.erofs" } as const;
