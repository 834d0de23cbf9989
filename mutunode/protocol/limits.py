"""Every limit of the protocol, each with the sum behind it.

A limit of the *format* is part of what is signed and never changes within mutunode/1; a limit of *conduct*
(PROTOCOL §6, §8) is what one peer allows another, and an operator may raise some of them.
"""

from __future__ import annotations

# --- bytes (§1) ------------------------------------------------------------------------------------
INTEGER_MAX = 2**53 - 1  # what every language with doubles for numbers still counts exactly
DEPTH_MAX = 16  # the deepest body known uses 6
NODES_BODY_MAX = 1_000  # 64 KiB of text in 1,000 places is 65 bytes a place
NODES_FRAME_MAX = 100_000  # HEADS: 4,096 heads × 9 nodes = 36,864; the rest is room to grow
ID_BYTES = 32  # SHA-256
SIGNATURE_BYTES = 64  # Ed25519
SEED_BYTES = 32  # Ed25519 and X25519 private keys

# --- identity (§2) ---------------------------------------------------------------------------------
NAME_BYTES_MAX = 255  # also reasons
ROOTS_MAX = 5
GENESIS_NONCE_BYTES = 16
OP_BYTES_MAX = 1_024  # 5 roots × 34 + 3 keys × 34 + 255 of reason + 38 of base, and the names of fields
RIVAL_FOLLOWERS_MAX = 16  # ops kept behind the losing op
RIVAL_TOO_LATE_SECONDS = 30 * 86_400  # an op held that long is not replaced any more

# --- logs (§3) -------------------------------------------------------------------------------------
HEADER_BYTES_MAX = 256  # 1 + 1 + kind 66 + time 9 + hash 34 + length 5 = 116, doubled for later versions
KIND_BYTES_MAX = 64
SALT_BYTES = 16  # 2^128 guesses to find an erased phone number again
BODY_BYTES_MAX = 64 * 1_024  # 16 of the largest fit one frame
SEALED_BLOCK_BYTES = 256  # the length of what is sealed shows only its multiple of this
FUTURE_SECONDS_MAX = 86_400  # how far ahead of our clock a head may be and still be relayed

# --- frames (§4) -----------------------------------------------------------------------------------
FRAME_BYTES_MAX = 1_024 * 1_024
FEATURES_MAX = 32
FEATURE_BYTES_MAX = 32
HEADS_PER_FRAME_MAX = 4_096  # × 190 bytes = 760 KiB of the 1 MiB
RANGES_PER_FRAME_MAX = 256
RANGE_PARTS = 16
HEADS_PER_RANGE_MAX = 16  # 256 ranges × 16 heads × 190 bytes = 760 KiB
PROOF_HASHES_MAX = 64  # a tree of 2^64 leaves
CHUNK_PROOF_HASHES_MAX = 40  # a file of 2^40 chunks
IDENTITY_OPS_MAX = 256  # × (1,024 + 64 + 6) bytes = 274 KiB
IDENTITY_RIVALS_BYTES_MAX = 512 * 1_024  # beside those ops and a profile of 64 KiB: under 1 MiB
RELAY_BYTES_MAX = 64 * 1_024
ADDRESS_BYTES_MAX = 255 + len("wss://:65535")  # the longest host name there is
LIST_ITEMS_MAX = 256  # list fields of records

# --- files (§5) ------------------------------------------------------------------------------------
CHUNK_BYTES = 262_144  # 4 chunks a frame would fit: one travels with its proof of 40 × 34 bytes
