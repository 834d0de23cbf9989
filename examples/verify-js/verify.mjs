#!/usr/bin/env node
// Checks what mutunode proves, without mutunode: one file, Node 20 or newer, nothing to install.
// (16 and 18 pass our vectors too, but nobody mends them any more.)
//
//   node verify.mjs FILE [--org org_…]   a proof file: who published what, and who saw it when
//   node verify.mjs DIR                  a register exported with `mutunode log export --tlog DIR`
//   --json                               one JSON document      --language fr|en
//
// Exit code 0: all of it holds. 7: something does not, and the message names it. 2: nothing was checked.
//
// Written from docs/proofs.md and the specification, not from the Python code, so that the two can be
// held against each other. Every signature, hash and limit that makes a proof a proof is checked here.

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 16;

// --- limits -----------------------------------------------------------------------------------------
const FILE_BYTES_MAX = 1024 * 1024;
const WITNESSES_MAX = 64;
const OPS_MAX = 256;
const OP_BYTES_MAX = 1024;
const NAME_BYTES_MAX = 255;
const ROOTS_MAX = 5;
const HEADER_BYTES_MAX = 256;
const BODY_BYTES_MAX = 64 * 1024;
const BODY_NODES_MAX = 1000;
const FRAME_NODES_MAX = 100_000;
const DEPTH_MAX = 16;
const PATH_MAX = 64;
const TILE_WIDTH = 256;

// --- what can be wrong ------------------------------------------------------------------------------
class Doubt extends Error {
  constructor(part, what) {
    super(`${part}: ${what}`);
    this.part = part;
    this.what = what;
  }
}

const PARTS = {
  file: ["Ce n’est pas un fichier de preuve lisible ici", "This is not a proof file that can be read here"],
  author: ["L’identité de l’auteur ne tient pas", "The author's identity does not hold"],
  register: ["Cette page de registre n’est pas de cette organisation", "This page is not one of this organisation"],
  signature: ["La signature de l’auteur ne correspond pas", "The author's signature does not match"],
  content: ["Le contenu n’est pas celui qui a été publié", "The content is not the one that was published"],
  place: ["La page signée ne contient pas cette fiche à cette place", "The signed page does not hold this record there"],
  witness: ["La déclaration d’un témoin ne tient pas", "The statement of a witness does not hold"],
};

function must(holds, part, what) {
  if (!holds) throw new Doubt(part, what);
}

// Run a reader whose complaints are plain errors, and say which claim falls with them.
function claim(part, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Doubt) throw error;
    throw new Doubt(part, error.message);
  }
}

// --- bytes ------------------------------------------------------------------------------------------
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const leafHash = (header) => sha256(Buffer.of(0), header);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const big = (n) => BigInt(n);

function base64(text, what) {
  const raw = Buffer.from(text, "base64");
  if (raw.toString("base64") !== text) throw new Error(`${what}: not base64 in its one form`);
  return raw;
}

function base32(raw) {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of raw) {
    value = ((value << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31];
  }
  return bits ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

function decimal(text, what) {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new Error(`${what}: ${JSON.stringify(text.slice(0, 30))} is not a number from 0 to 2^53 - 1`);
  }
  return Number(text);
}

// --- canonical MessagePack: every value has exactly one encoding, everything else is refused ------------
class Reader {
  constructor(raw, nodes) {
    this.raw = raw;
    this.at = 0;
    this.nodes = nodes;
  }

  static all(raw, nodes = FRAME_NODES_MAX) {
    const reader = new Reader(raw, nodes);
    const value = reader.value(1);
    if (reader.at !== raw.length) throw new Error("bytes after the end");
    return value;
  }

  take(length) {
    if (this.at + length > this.raw.length) throw new Error("it ends too early");
    this.at += length;
    return this.raw.subarray(this.at - length, this.at);
  }

  // An unsigned number of some bytes, which must not fit fewer.
  number(bytes, least) {
    const value = bytes === 8 ? this.take(8).readBigUInt64BE() : big(this.take(bytes).readUIntBE(0, bytes));
    if (value < big(least)) throw new Error("not the shortest form");
    if (value > big(Number.MAX_SAFE_INTEGER)) throw new Error("a number above 2^53 - 1");
    return Number(value);
  }

  value(depth) {
    if (depth > DEPTH_MAX) throw new Error(`nested deeper than ${DEPTH_MAX}`);
    if (--this.nodes < 0) throw new Error("more values than are allowed");
    const type = this.take(1)[0];
    if (type < 0x80) return type;
    if (type < 0x90) return this.map(type & 15, depth);
    if (type < 0xa0) return this.array(type & 15, depth);
    if (type < 0xc0) return this.text(type & 31);
    switch (type) {
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.take(this.number(1, 0));
      case 0xc5: return this.take(this.number(2, 0x100));
      case 0xc6: return this.take(this.number(4, 0x1_0000));
      case 0xcc: return this.number(1, 0x80);
      case 0xcd: return this.number(2, 0x100);
      case 0xce: return this.number(4, 0x1_0000);
      case 0xcf: return this.number(8, 0x1_0000_0000);
      case 0xd9: return this.text(this.number(1, 32));
      case 0xda: return this.text(this.number(2, 0x100));
      case 0xdb: return this.text(this.number(4, 0x1_0000));
      case 0xdc: return this.array(this.number(2, 16), depth);
      case 0xdd: return this.array(this.number(4, 0x1_0000), depth);
      case 0xde: return this.map(this.number(2, 16), depth);
      case 0xdf: return this.map(this.number(4, 0x1_0000), depth);
      default: throw new Error(`a value of type 0x${type.toString(16)}, which is not used here`);
    }
  }

  text(length) {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(length));
    if (text.includes("\0")) throw new Error("text with U+0000");
    return text;
  }

  array(length, depth) {
    const items = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return items;
  }

  map(length, depth) {
    const fields = new Map();
    let before = null;
    for (let i = 0; i < length; i++) {
      const start = this.at;
      const name = this.value(depth + 1);
      if (typeof name !== "string") throw new Error("a map key that is not text");
      const key = Buffer.from(name);
      if (before !== null && Buffer.compare(before, key) >= 0) throw new Error(`keys repeated or out of order at ${start}`);
      before = key;
      fields.set(name, this.value(depth + 1));
    }
    return fields;
  }
}

// --- shapes -----------------------------------------------------------------------------------------
const is = {
  bytes: (length) => (value) => Buffer.isBuffer(value) && (length === undefined || value.length === length),
  text: (value) => typeof value === "string",
  count: (value) => Number.isSafeInteger(value) && value >= 0,
  list: (of, max) => (value) => Array.isArray(value) && value.length <= max && value.every(of),
};

function fields(value, shape, what) {
  if (!(value instanceof Map)) throw new Error(`${what}: not a map`);
  const names = Object.keys(shape);
  if (value.size !== names.length || !names.every((name) => value.has(name))) {
    throw new Error(`${what}: not exactly the fields ${names.join(", ")}`);
  }
  for (const name of names) {
    if (!shape[name](value.get(name))) throw new Error(`${what}: field ${name} is not what it should be`);
  }
  return Object.fromEntries(value);
}

// --- keys -------------------------------------------------------------------------------------------
const P = 2n ** 255n - 19n;
const D = modulo(-121665n * power(121666n, P - 2n));
const SIGN_BIT = 1n << 255n;

function modulo(n) {
  return ((n % P) + P) % P;
}

function power(base, exponent) {
  let result = 1n;
  for (base %= P; exponent > 0n; exponent >>= 1n, base = (base * base) % P) {
    if (exponent & 1n) result = (result * base) % P;
  }
  return result;
}

const littleEndian = (raw) => big(`0x${Buffer.from(raw).reverse().toString("hex")}`);

// y of the eight points of small order: under these keys one constant signature would fit every message.
const ORDER_8_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_Y = new Set([0n, 1n, P - 1n, ORDER_8_Y, P - ORDER_8_Y]);
// u of the same points on the Montgomery form, u = (1 + y) / (1 - y), and of the twist's own.
const SMALL_U = new Set([...SMALL_Y].map((y) => modulo((1n + y) * power(modulo(1n - y), P - 2n))).concat(P - 1n));

function checkEd25519(key, what) {
  const y = littleEndian(key) & ~SIGN_BIT;
  const square = modulo((y * y - 1n) * (D * y * y + 1n));
  if (y >= P || SMALL_Y.has(y) || power(square, (P - 1n) / 2n) > 1n) {
    throw new Error(`${what}: not an Ed25519 key that can be trusted`);
  }
}

function checkX25519(key, what) {
  const u = (littleEndian(key) & ~SIGN_BIT) % P;
  if (SMALL_U.has(u)) throw new Error(`${what}: an X25519 key of low order`);
}

function verifies(key, signature, message) {
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]);
  const object = createPublicKey({ key: der, format: "der", type: "spki" });
  return signature.length === 64 && verifySignature(null, message, object, signature);
}

// --- an organisation is not its key: its genesis, and the epochs that root keys opened --------------------
const KEYS = { operating: is.bytes(32), roots: is.list(is.bytes(32), ROOTS_MAX), sealing: is.bytes(32) };

function signedMap(raw, shape, what) {
  if (raw.length > OP_BYTES_MAX) throw new Error(`${what}: longer than ${OP_BYTES_MAX} bytes`);
  const map = fields(Reader.all(raw), { ...shape, ...KEYS, v: (v) => v === 1 }, what);
  const distinct = new Set([...map.roots, map.operating].map((key) => key.toString("hex")));
  if (!map.roots.length || distinct.size !== map.roots.length + 1) throw new Error(`${what}: keys that are the same`);
  if (Buffer.byteLength(map.name ?? map.reason) > NAME_BYTES_MAX) throw new Error(`${what}: a name or reason too long`);
  for (const key of [map.operating, ...map.roots]) checkEd25519(key, what);
  checkX25519(map.sealing, what);
  return map;
}

function identity(genesisRaw, ops) {
  const genesis = signedMap(genesisRaw, { created: is.count, name: is.text, nonce: is.bytes(16) }, "genesis");
  const org = sha256("mutunode/genesis/1\0", genesisRaw);
  const chain = { org, name: genesis.name, epoch: 0, base: 0, operating: genesis.operating };
  let { roots } = genesis;
  let previous = genesisRaw;
  for (const [raw, signature] of ops) {
    const isBase = (b) => is.list(() => true, 2)(b) && b.length === 2 && is.count(b[0]) && is.bytes(32)(b[1]);
    const shape = { base: isBase, epoch: is.count, org: is.bytes(32), prev: is.bytes(32), reason: is.text };
    const op = signedMap(raw, shape, "op");
    const follows = op.epoch === chain.epoch + 1 && op.org.equals(org) && op.prev.equals(sha256(previous));
    if (!follows) throw new Error(`op: it does not follow epoch ${chain.epoch}`);
    const message = Buffer.concat([Buffer.from("mutunode/identity/1\0"), raw]);
    if (!roots.some((root) => verifies(root, signature, message))) throw new Error(`op: no root key signed epoch ${op.epoch}`);
    Object.assign(chain, { epoch: op.epoch, base: op.base[0], operating: op.operating });
    ({ roots } = op);
    previous = raw;
  }
  return chain;
}

const isIdentity = (value) =>
  Array.isArray(value) && value.length === 2 && is.bytes()(value[0]) &&
  is.list((op) => Array.isArray(op) && op.length === 2 && is.bytes()(op[0]) && is.bytes(64)(op[1]), OPS_MAX)(value[1]);

// --- signed notes and checkpoints -------------------------------------------------------------------------
function note(raw) {
  if (/[\x00-\x09\x0b-\x1f]/.test(raw)) throw new Error("note: a control character");
  const cut = raw.lastIndexOf("\n\n");
  if (cut < 0 || !raw.endsWith("\n") || cut + 2 >= raw.length) throw new Error("note: no signatures under a blank line");
  const signatures = raw.slice(cut + 2, -1).split("\n").map((line) => {
    const match = /^— ([^\s+]+) (\S+)$/u.exec(line);
    if (!match) throw new Error(`note: no signature line: ${JSON.stringify(line.slice(0, 60))}`);
    const bytes = base64(match[2], "note: signature");
    if (bytes.length <= 4) throw new Error("note: a signature without a signature");
    return { name: match[1], id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
  });
  return { text: raw.slice(0, cut + 1), signatures };
}

const keyId = (name, type, key) => sha256(`${name}\n`, Buffer.of(type), key).subarray(0, 4);

const linesBy = (found, name, type, key) =>
  found.signatures.filter((line) => line.name === name && line.id.equals(keyId(name, type, key)));

// The time of the one cosignature/v1 by this key, which must verify.
function cosigned(found, name, key, part) {
  const lines = linesBy(found, name, 4, key);
  must(lines.length === 1 && lines[0].signature.length === 72, part, `${lines.length} cosignatures of ${name}`);
  const time = lines[0].signature.readBigUInt64BE();
  must(time <= big(Number.MAX_SAFE_INTEGER), part, "a time beyond 2^53 - 1");
  const message = Buffer.from(`cosignature/v1\ntime ${time}\n${found.text}`);
  must(verifies(key, lines[0].signature.subarray(8), message), part, `the signature of ${name} does not verify`);
  return Number(time);
}

// A checkpoint of this organisation's register in a space; its signature is checked by `cosigned`.
function checkpoint(found, chain, space) {
  const log = sha256("mutunode/log/1\0", chain.org, space);
  const lines = found.text.slice(0, -1).split("\n");
  if (lines.length !== 3) throw new Error("checkpoint: not three lines");
  const [origin, sizeText, rootText] = lines;
  const [epoch, base] = origin.split("/").slice(-2).map((text) => decimal(text, "epoch or base"));
  const size = decimal(sizeText, "size");
  const root = base64(rootText, "root");
  if (root.length !== 32) throw new Error("checkpoint: the root has not 32 bytes");
  if (origin !== `mutunode/1/${base32(log)}/${epoch}/${base}`) throw new Error(`checkpoint: ${origin} is another register`);
  if (epoch !== chain.epoch) throw new Error(`checkpoint: of epoch ${epoch}, and the identity ends at ${chain.epoch}`);
  const isPublic = space.equals(Buffer.alloc(32));
  if (base > size || (epoch === 0 && base !== 0) || (isPublic && base !== chain.base)) {
    throw new Error(`checkpoint: its epoch did not begin with ${base} entries`);
  }
  return { log, origin, epoch, base, size, root };
}

// --- trees of RFC 6962 --------------------------------------------------------------------------------------
function rootByProof(leaf, index, size, path) {
  if (index >= size) return null;
  let node = leaf;
  let at = big(index);
  let last = big(size - 1);
  for (const sibling of path) {
    if (last === 0n) return null;
    if (at & 1n || at === last) {
      node = nodeHash(sibling, node);
      for (; !(at & 1n) && at !== 0n; at >>= 1n) last >>= 1n;
    } else {
      node = nodeHash(node, sibling);
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? node : null;
}

// A growing tree, held as the roots of its complete subtrees.
class Tree {
  size = 0;
  peaks = [];

  add(node) {
    for (let full = this.size; full & 1; full = Math.floor(full / 2)) node = nodeHash(this.peaks.pop(), node);
    this.peaks.push(node);
    this.size++;
    return this;
  }

  root() {
    return this.peaks.length ? this.peaks.reduceRight((node, peak) => nodeHash(peak, node)) : sha256("");
  }
}

const rootOf = (nodes) => nodes.reduce((tree, node) => tree.add(node), new Tree()).root();

// --- records ------------------------------------------------------------------------------------------------
function header(raw) {
  if (raw.length > HEADER_BYTES_MAX) throw new Error("header: too long");
  const [version, kind, time, hash, length, ...more] = Reader.all(raw);
  const well = version === 1 && is.text(kind) && /^[a-z][a-z0-9_]{0,63}$/.test(kind) && is.count(time) &&
    is.bytes(32)(hash) && is.count(length) && more.length === 0;
  if (!well) throw new Error("header: not one of version 1");
  return { kind, time, hash, length };
}

// The fields of a body; none when its author wrote it outside the limits.
function body(raw, length) {
  try {
    const value = raw.length === length && raw.length <= BODY_BYTES_MAX ? Reader.all(raw, BODY_NODES_MAX) : null;
    return value instanceof Map ? plain(value) : {};
  } catch {
    return {};
  }
}

function plain(value) {
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

// --- a proof file ---------------------------------------------------------------------------------------------
function parseProof(raw) {
  if (raw.length > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes`);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  const cut = text.indexOf("\n\n");
  const [first, extra, index, ...path] = text.slice(0, Math.max(cut, 0)).split("\n");
  const well = first === "c2sp.org/tlog-proof@v1" && extra?.startsWith("extra ") && index?.startsWith("index ");
  if (!well || path.length > PATH_MAX) throw new Error("it does not begin with c2sp.org/tlog-proof@v1, extra, index");
  const value = Reader.all(base64(extra.slice(6), "extra"));
  if (!(value instanceof Map) || value.get("v") !== "mutunode/proof/1") throw new Error("extra: not mutunode/proof/1");
  const shape = {
    author: isIdentity,
    body: is.bytes(),
    header: (h) => is.bytes()(h) && h.length <= HEADER_BYTES_MAX,
    salt: is.bytes(16),
    space: is.bytes(32),
    v: is.text,
    witnesses: is.list(isIdentity, WITNESSES_MAX),
  };
  const hashes = path.map((line) => base64(line, "inclusion proof"));
  if (hashes.some((hash) => hash.length !== 32)) throw new Error("inclusion proof: a hash has not 32 bytes");
  return {
    extra: fields(value, shape, "extra"),
    index: decimal(index.slice(6), "index"),
    path: hashes,
    found: note(text.slice(cut + 2)),
  };
}

export function verifyProof(raw) {
  const { extra, index, path, found } = claim("file", () => parseProof(raw));
  const author = claim("author", () => identity(...extra.author));
  const register = claim("register", () => checkpoint(found, author, extra.space));
  const signedAt = cosigned(found, register.origin, author.operating, "signature");
  const record = claim("content", () => header(extra.header));
  must(sha256("mutunode/body/1\0", extra.salt, extra.body).equals(record.hash), "content", "the header speaks of another body");
  const leaf = leafHash(extra.header);
  const root = rootByProof(leaf, index, register.size, path);
  must(root?.equals(register.root), "place", `the proof does not lead from entry ${index} to the signed root`);
  const witnesses = extra.witnesses.map((witness) => seen(witness, found));
  const everybody = new Set([author, ...witnesses.map((witness) => witness.chain)].map((chain) => chain.org.toString("hex")));
  must(everybody.size === witnesses.length + 1, "witness", "a witness is named twice, or is the author");
  const times = witnesses.map((witness) => witness.time);
  return {
    verified: true,
    id: `rec_${base32(sha256("mutunode/record/1\0", register.log, leaf))}`,
    kind: record.kind,
    org: `org_${base32(author.org)}`,
    org_name: author.name,
    time: record.time,
    signed_at: signedAt,
    body: body(extra.body, record.length),
    log: `log_${base32(register.log)}`,
    index,
    epoch: register.epoch,
    size: register.size,
    root: register.root.toString("base64"),
    seen_by: witnesses.length,
    seen_at: times.length ? Math.min(...times) : 0,
    witnesses: witnesses
      .map(({ chain, time }) => ({ org: `org_${base32(chain.org)}`, name: chain.name, time }))
      .sort((a, b) => a.time - b.time),
    ignored: found.signatures.length - witnesses.length - 1,
  };
}

function seen(witness, found) {
  const chain = claim("witness", () => identity(...witness));
  return { chain, time: cosigned(found, `mutunode/${base32(chain.org)}`, chain.operating, "witness") };
}

// --- an exported register ---------------------------------------------------------------------------------------
const tileNumber = (n) => {
  const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, "0").match(/.{3}/g);
  return digits.map((part, i) => (i < digits.length - 1 ? `x${part}` : part)).join("/");
};

// The files of one level of a tree: full ones, then the one at the right edge.
function* tilesOf(directory, name, count) {
  const full = Math.floor(count / TILE_WIDTH);
  for (let n = 0; n < full; n++) yield [join(directory, "tile", name, tileNumber(n)), TILE_WIDTH];
  const width = count % TILE_WIDTH;
  if (width) yield [join(directory, "tile", name, `${tileNumber(full)}.p`, String(width)), width];
}

function hashesIn(path, width) {
  const raw = readFileSync(path);
  if (raw.length !== width * 32) throw new Error(`${path}: not ${width} hashes`);
  return Array.from({ length: width }, (_, i) => raw.subarray(i * 32, i * 32 + 32));
}

function entriesIn(path, width) {
  const raw = readFileSync(path);
  const entries = [];
  let at = 0;
  while (at < raw.length) {
    const length = at + 2 <= raw.length ? raw.readUInt16BE(at) : Infinity;
    if (at + 2 + length > raw.length) throw new Error(`${path}: it ends in the middle of an entry`);
    entries.push(raw.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (entries.length !== width) throw new Error(`${path}: ${entries.length} entries where ${width} are due`);
  return entries;
}

function exportedIdentity(directory) {
  const [first, genesis, ...ops] = readFileSync(join(directory, "identity"), "utf8").trimEnd().split("\n");
  if (first !== "mutunode/identity/1" || !genesis.startsWith("genesis ")) throw new Error("identity: not mutunode/identity/1");
  return identity(base64(genesis.slice(8), "genesis"), ops.map((line) => {
    const [word, op, signature] = line.split(" ");
    if (word !== "op") throw new Error("identity: a line that is no op");
    return [base64(op, "op"), base64(signature, "op")];
  }));
}

// The keys that tools are configured with must be those that the identity gives, and sign the checkpoint.
function checkKeys(directory, found, register, author) {
  const keys = readFileSync(join(directory, "verifier-keys"), "utf8").trimEnd().split("\n");
  const types = keys.map((line) => {
    const [name, id, ...encoded] = line.split("+");
    const bytes = base64(encoded.join("+"), "verifier key"); // base64 has plus signs of its own
    const [type, key] = [bytes[0], bytes.subarray(1)];
    const well = name === register.origin && key.equals(author.operating) && keyId(name, type, key).toString("hex") === id;
    must(well, "signature", "a verifier key that is not the author's");
    return type;
  });
  must(types.includes(4), "signature", "no verifier key for the cosignature");
  if (!types.includes(1)) return;
  const plainLines = linesBy(found, register.origin, 1, author.operating);
  must(
    plainLines.length === 1 && verifies(author.operating, plainLines[0].signature, Buffer.from(found.text)),
    "signature",
    "the plain signature does not verify",
  );
}

export function verifyRegister(directory) {
  const found = claim("file", () => note(readFileSync(join(directory, "checkpoint"), "utf8")));
  const author = claim("author", () => exportedIdentity(directory));
  const register = claim("register", () => checkpoint(found, author, Buffer.alloc(32)));
  const signedAt = cosigned(found, register.origin, author.operating, "signature");
  claim("signature", () => checkKeys(directory, found, register, author));
  claim("place", () => checkTree(directory, register));
  return {
    verified: true,
    org: `org_${base32(author.org)}`,
    org_name: author.name,
    log: `log_${base32(register.log)}`,
    origin: register.origin,
    epoch: register.epoch,
    size: register.size,
    root: register.root.toString("base64"),
    signed_at: signedAt,
  };
}

function checkTree(directory, { size, root }) {
  const tree = new Tree();
  let above = []; // the roots of the full tiles of the level below
  const bundles = tilesOf(directory, "entries", size);
  for (const [path, width] of tilesOf(directory, "0", size)) {
    const hashes = hashesIn(path, width);
    const [bundle] = bundles.next().value;
    entriesIn(bundle, width).forEach((entry, i) => {
      if (!leafHash(entry).equals(hashes[i])) throw new Error(`${bundle}: entry ${i} is not the one in the tree`);
    });
    for (const hash of hashes) tree.add(hash);
    if (width === TILE_WIDTH) above.push(rootOf(hashes));
  }
  for (let level = 1; above.length; level++) {
    const next = [];
    let at = 0;
    for (const [path, width] of tilesOf(directory, String(level), above.length)) {
      const hashes = hashesIn(path, width);
      if (!hashes.every((hash, i) => hash.equals(above[at + i]))) throw new Error(`${path}: not the tree of the level below`);
      at += width;
      if (width === TILE_WIDTH) next.push(rootOf(hashes));
    }
    above = next;
  }
  if (!tree.root().equals(root)) throw new Error("the entries do not give the root that was signed");
}

// --- for a person -------------------------------------------------------------------------------------------------
const clean = (text) => String(text).replace(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ");
const date = (seconds) => {
  const when = new Date(seconds * 1000);
  return Number.isNaN(when.getTime()) ? String(seconds) : `${when.toISOString().slice(0, 19).replace("T", " ")} UTC`;
};

function told(answer, tr) {
  const rows = [
    [tr("publié par", "published by"), answer.org_name],
    [tr("organisation", "organisation"), answer.org],
    [tr("nature", "kind"), answer.kind],
    [tr("daté par l’auteur du", "dated by its author"), answer.time === undefined ? undefined : date(answer.time)],
    [tr("contenu", "content"), answer.body && JSON.stringify(answer.body)],
    [tr("identifiant", "id"), answer.id],
    [tr("registre", "register"), answer.log],
    [tr("entrées", "entries"), answer.size],
    [tr("place", "place"), answer.index],
    [tr("époque", "epoch"), answer.epoch],
    [tr("page signée le", "page signed"), date(answer.signed_at)],
    ...(answer.witnesses ?? []).map((each) => [tr("vu par", "seen by"), `${date(each.time)}  ${each.name}  ${each.org}`]),
  ];
  const lines = rows.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${clean(value)}`);
  if (answer.seen_by !== undefined) {
    lines.push(answer.seen_by
      ? tr(`Vu par ${answer.seen_by} organisation${answer.seen_by > 1 ? "s" : ""}, la première le ${date(answer.seen_at)}.`,
           `Seen by ${answer.seen_by} organisation${answer.seen_by > 1 ? "s" : ""}, first on ${date(answer.seen_at)}.`)
      : tr("Vu par aucune autre organisation.", "Seen by no other organisation."));
  }
  lines.push(tr("Un nom est ce qu’une organisation s’est donné : comparez l’identifiant, et ne comptez que les témoins que vous connaissez.",
                "A name is what an organisation gave itself: compare the id, and count only witnesses that you know."));
  return [tr("VÉRIFIÉ", "VERIFIED"), ...lines].join("\n");
}

function readLimited(path) {
  const file = openSync(path === "-" ? "/dev/stdin" : path, "r");
  try {
    const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
    let length = 0;
    for (let read; (read = readSync(file, buffer, length, buffer.length - length, null)) > 0; ) length += read;
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function main(argv) {
  const option = (name) => (argv.includes(name) ? argv.splice(argv.indexOf(name), 2)[1] : undefined);
  const language = option("--language") ?? process.env.LC_ALL ?? process.env.LANG ?? "en";
  const org = option("--org") ?? "";
  const json = argv.includes("--json") && argv.splice(argv.indexOf("--json"), 1).length > 0;
  const tr = (fr, en) => (language.toLowerCase().startsWith("fr") ? fr : en);
  const [path] = argv;
  if (parseInt(process.versions.node) < NODE_MAJOR_MIN) {
    console.error(tr(`Il faut Node.js 20 ou plus récent ; celui-ci est le ${process.versions.node}.`, `Node.js 20 or newer is needed; this is ${process.versions.node}.`));
    return 2;
  }
  if (argv.length === 1 && path !== "-" && !path.startsWith("--") && !existsSync(path)) {
    console.error(tr(`Pas de fichier ${clean(path)}.`, `No file ${clean(path)}.`));
    return 2;
  }
  if (argv.length !== 1 || (path !== "-" && path.startsWith("--"))) {
    console.error(tr("Usage : node verify.mjs FICHIER|DOSSIER [--org org_…] [--json]", "Usage: node verify.mjs FILE|DIR [--org org_…] [--json]"));
    return 2;
  }
  try {
    const isFolder = path !== "-" && statSync(path).isDirectory();
    const answer = isFolder ? verifyRegister(path) : verifyProof(readLimited(path));
    if (org && !(/^org_[a-z2-7]{8}/.test(org) && answer.org.startsWith(org))) throw new Doubt("author", `${answer.org}, ${tr("et non", "not")} ${org}`);
    console.log(json ? JSON.stringify(answer) : told(answer, tr));
    return 0;
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    const [fr, en] = PARTS[error.part];
    if (json) console.log(JSON.stringify({ verified: false, part: error.part, what: error.what }));
    console.error(`${tr("NON VÉRIFIÉ", "NOT VERIFIED")}. ${tr(fr, en)} (${tr("détail technique : ", "")}${clean(error.what)}).`);
    return 7;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
