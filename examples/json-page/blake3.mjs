// @ts-check
// BLAKE3, its plain hash of 32 bytes, for input of any length that fits into memory.

const IV = Uint32Array.from(
  ["6a09e667", "bb67ae85", "3c6ef372", "a54ff53a", "510e527f", "9b05688c", "1f83d9ab", "5be0cd19"],
  (digits) => Number.parseInt(digits, 16),
);
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const [CHUNK_START, CHUNK_END, PARENT, ROOT] = [1, 2, 4, 8];
const [BLOCK_BYTES, CHUNK_BYTES] = [64, 1024];

/** @param {Uint8Array} bytes */
export function blake3(bytes) {
  const hash = new DataView(new ArrayBuffer(32));
  subtree(bytes, 0, ROOT).forEach((word, at) => {
    hash.setUint32(4 * at, word, true);
  });
  return new Uint8Array(hash.buffer);
}

/**
 * The chaining value of a stretch of the input: of one chunk, or of the two subtrees below a parent. The left subtree
 * has as many chunks as the greatest power of two that leaves something for the right one.
 * @param {Uint8Array} bytes @param {number} firstChunk @param {number} flags @returns {Uint32Array}
 */
function subtree(bytes, firstChunk, flags) {
  if (bytes.length <= CHUNK_BYTES) return chunk(bytes, firstChunk, flags);
  let split = CHUNK_BYTES;
  while (2 * split < bytes.length) split *= 2;
  const left = subtree(bytes.subarray(0, split), firstChunk, 0);
  const right = subtree(bytes.subarray(split), firstChunk + split / CHUNK_BYTES, 0);
  return compress(IV, Uint32Array.of(...left, ...right), 0, BLOCK_BYTES, PARENT | flags);
}

/** @param {Uint8Array} bytes @param {number} index @param {number} flags */
function chunk(bytes, index, flags) {
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES));
  let value = IV;
  for (let at = 0; at < blocks; at++) {
    const block = bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
    const ends = (at === 0 ? CHUNK_START : 0) | (at === blocks - 1 ? CHUNK_END | flags : 0);
    value = compress(value, words(block), index, block.length, ends);
  }
  return value;
}

/** A block, filled up with zeros, as 16 little-endian words. @param {Uint8Array} block */
function words(block) {
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(block);
  const view = new DataView(padded.buffer);
  return Uint32Array.from({ length: 16 }, (_, at) => view.getUint32(4 * at, true));
}

/** @param {Uint32Array} value @param {Uint32Array} block @param {number} counter @param {number} length @param {number} flags */
function compress(value, block, counter, length, flags) {
  const high = Math.floor(counter / 2 ** 32);
  const s = Uint32Array.of(...value, ...IV.subarray(0, 4), counter, high, length, flags);
  let m = block;
  for (let round = 0; round < 7; round++) {
    for (let i = 0; i < 4; i++) mix(s, i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
    for (let i = 0; i < 4; i++) {
      mix(s, i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4), m[8 + 2 * i], m[9 + 2 * i]);
    }
    m = Uint32Array.from(PERMUTATION, (at) => m[at]);
  }
  return Uint32Array.from({ length: 8 }, (_, i) => s[i] ^ s[i + 8]);
}

/** @param {Uint32Array} s @param {number} a @param {number} b @param {number} c @param {number} d @param {number} x @param {number} y */
function mix(s, a, b, c, d, x, y) {
  s[a] += s[b] + x;
  s[d] = rotate(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = rotate(s[b] ^ s[c], 12);
  s[a] += s[b] + y;
  s[d] = rotate(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = rotate(s[b] ^ s[c], 7);
}

/** To the right, in 32 bits. @param {number} word @param {number} bits */
function rotate(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}
