package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

const (
	patternBlock = 64 << 10
	patternSeed  = 0x9e3779b97f4a7c15
)

// pattern is a stream of bytes that repeats nowhere, cheap enough not to be what a transfer is measured by.
type pattern struct {
	left  int64
	block []byte
	used  int
	next  uint64
}

func newPattern(size int64) *pattern {
	block := make([]byte, patternBlock)
	word := uint64(patternSeed)
	for at := 0; at < len(block); at += 8 {
		word ^= word << 13
		word ^= word >> 7
		word ^= word << 17
		binary.LittleEndian.PutUint64(block[at:], word)
	}
	return &pattern{left: size, block: block, used: len(block)}
}

// Read fills from the block, whose start is numbered anew each time round.
func (p *pattern) Read(into []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	if p.used == len(p.block) {
		p.next++
		binary.LittleEndian.PutUint64(p.block, p.next)
		p.used = 0
	}
	n := copy(into[:min(int64(len(into)), p.left)], p.block[p.used:])
	p.used += n
	p.left -= int64(n)
	return n, nil
}

// digest is what arrived, in a form that fits in a line.
type digest struct {
	size int64
	hash hash.Hash
}

func newDigest() *digest {
	return &digest{hash: sha256.New()}
}

func (d *digest) Write(data []byte) (int, error) {
	d.size += int64(len(data))
	return d.hash.Write(data)
}

func (d *digest) String() string {
	return fmt.Sprintf("%d bytes, sha256 %s", d.size, hex.EncodeToString(d.hash.Sum(nil))[:32])
}

// patternDigest is the digest of a pattern of that size.
func patternDigest(size int64) string {
	d := newDigest()
	_, _ = io.Copy(d, newPattern(size))
	return d.String()
}
