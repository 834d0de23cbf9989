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
FUTURE_SECONDS_MAX = 86_400  # how far ahead of our clock a head may be relayed, and a record be shown

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
PROOF_FILE_BYTES_MAX = 1_024 * 1_024  # 4/3 of a body 64 KiB and a chain of 274 KiB: 460 KB, the rest for
WITNESSES_MAX = 64  # whose genesis and signature take 2 KB each, as many as there are links

# --- files (§5) ------------------------------------------------------------------------------------
CHUNK_BYTES = 262_144  # 4 chunks a frame would fit: one travels with its proof of 40 × 34 bytes

# --- conduct: links (§4, §6) -----------------------------------------------------------------------
LINKS_MAX = 64  # hubs: 128 and more by configuration
LINKS_AN_ADDRESS_MAX = 32  # an office or a school behind one address
LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX = 4  # loopback exempt
HANDSHAKE_SECONDS_MAX = 10
HELD_REQUESTS_MAX = 16  # while the other's chain is awaited
REQUEST_SECONDS_MAX = 60  # 1 MiB at 256 kbit/s takes 33 s
REQUEST_TRIES_MAX = 5  # a request that was answered "busy"
BUSY_UNHEEDED_MAX = 10  # requests a minute that come although "busy" said when to come
BUSY_GRACE_SECONDS = 0.5  # what was on its way when "busy" was said

MESSAGES_BURST, MESSAGES_A_SECOND = 200, 20
STRANGER_MESSAGES_BURST, STRANGER_MESSAGES_A_SECOND = 20, 2
SERVED_BYTES_A_SECOND = 2_000_000  # off the LAN; on it, the send buffer sets the pace
STRANGER_SERVED_BYTES_A_SECOND = 64_000
SERVED_BYTES_BURST = 4 * FRAME_BYTES_MAX
STRANGER_SERVED_BYTES_BURST = FRAME_BYTES_MAX  # one full answer, then 16 s of patience
IN_FLIGHT_MAX = 64
STRANGER_IN_FLIGHT_MAX = 4
SEND_BUFFER_BYTES_MAX = 4 * FRAME_BYTES_MAX  # behind the frame being sent
STRANGER_SEND_BUFFER_BYTES_MAX = 256 * 1_024
SEND_BUFFER_BYTES_GOAL = 3 * FRAME_BYTES_MAX  # beyond it answers wait: the link is the bottleneck

# --- conduct: relaying (§4, type 21) ---------------------------------------------------------------
RELAY_BYTES_A_SECOND = 64_000  # of one pair in one direction: a page of records a second, no film
RELAY_BURST = 64 * 1_024  # one full frame
RELAY_HELD_BYTES_MAX = FRAME_BYTES_MAX  # 16 s of it wait; 64 pairs × 1 MiB = 64 MiB for one link at the worst
RELAY_FLOWS_MAX = 64  # from one link: as many as there are links
RELAY_SILENCE_SECONDS = 60
RELAY_ALIVE_SECONDS = 40  # our own question comes before
RELAYED_BYTES_A_SECOND = 4 * RELAY_BYTES_A_SECOND  # that one relay may bring us
RELAYED_BURST = 4 * FRAME_BYTES_MAX
RELAYED_LINKS_MAX = 16  # of ours that go through others
REACH_SECONDS, REACH_SECONDS_MAX = 60, 3_600  # between two attempts to find somebody through a relay

BAD_ANSWERS_AN_HOUR_MAX = 64
SCORE_MAX, SCORE_MIN = 100.0, -1_000.0
SCORE_AWAY = -100.0  # below: the peer waits
AWAY_SECONDS = 600  # doubling with each 100 points more
AWAY_SECONDS_MAX = 86_400

# --- conduct: logs (§4, §6) ------------------------------------------------------------------------
HOPS = 2
INTRODUCTIONS_BYTES_MAX = 1_024**3  # stored of all that one accepted organisation brings in…
INTRODUCTIONS_DISK_PART = 0.05  # …and no more than this part of the free disk
INTRODUCTIONS_MAX = 100  # listed vouches of one voucher that count
VOUCHES_READ_MAX = 1_000  # to find them: the others are not listed
LOG_BYTES_MAX = 1_024**3  # then no new entries
HEADS_AN_HOUR_MAX = 60  # of one organisation's public log, passed on
PUBLISH_BURST = 6
PUBLISH_SECONDS = 10  # between two heads after the burst
CHAIN_ASKED_SECONDS = 600  # from one sender for one organisation
CHAIN_TOLD_BURST, CHAIN_TOLD_SECONDS = 6, 60  # changes of one organisation's chain that are shown unasked
CHAIN_TOLD_OPS_MAX = 16  # of one change: 16 × 1.1 KiB, and as much of a rival
CHAINS_TOLD_MAX = 16  # that have rivals, on a new link: × 35 KiB at the very worst, 2 as a rule
CHAINS_SHOWN_MAX = 1_024  # to one peer, for heads that no longer count: × 1.5 KiB
FORKS_TOLD_MAX = 16  # with one answer to SINCE: × 5 KiB at the very worst; strangers take 20 pushes at once
STRANGERS_ASIDE_MAX = 64  # that left and were asked who signed: × 250 bytes for each organisation they named
HEADS_ASIDE_MAX = 20  # that do not verify, of one sender in that time: more are one bad answer
PUSH_SECONDS = 0.2  # heads that changed within it travel together

# --- conduct: what is brought (§4, DELIVER) --------------------------------------------------------
DELIVERED_WAITING_MAX = 256  # of strangers, for a person to look at
DELIVERED_BYTES_MAX = 16 * 1_024  # of one, and as much of its author's chain: 256 × 32 KiB = 8 MiB in all
DELIVERED_DAY_MAX = 8  # from one /24 or /48
DELIVERED_LISTENED_MAX = 256  # that wait of one author listened to: as many as of all strangers together…
DELIVERED_LISTENED_BYTES_MAX = 4 * 1_024 * 1_024  # …and as much of its content, however it was decided on
OUTGOING_RETRY_SECONDS, OUTGOING_RETRY_SECONDS_MAX = 60, 86_400  # doubling
OUTGOING_FOLLOWED_SECONDS = 15  # somebody who follows us has it by then
OUTGOING_DAYS_MAX = 30  # then nobody tries any more
PASSING_SECONDS = 5  # what came in a row is looked at together
PASSING_RETRY_SECONDS = 3_600  # "enough for today"
PASSED_ON_FIRST_MAX = 1_000  # numbers back, for a peer that was never offered anything
PASSED_ON_HOUR_MAX = 64  # to one peer

# --- conduct: fetching and repair (§4, §8) ---------------------------------------------------------
OTHER_SOURCE_SECONDS = 3  # without an answer, when somebody else announced it too
WINDOW = 4  # answers of one log under way: 4 × 1 MiB hides 300 ms at 100 Mbit/s
ENTRIES_PER_ANSWER_MAX = 20_000  # × 4 nodes = 80,000 of the 100,000 a frame may have
LARGE_FETCHES_MAX = 2  # logs that need more than one answer, from one peer at once
FETCHES_MAX = 16  # logs under way from one peer: 2 × 4 + 14 requests of the 64 in flight
FETCHES_LAN_MAX = 40  # on the LAN, where a turn that commits one log costs as much as one that commits all of
REQUESTS_LAN_MAX = 56  # these: 2 × 4 + 38 = 46, ten more that ask who others are, and room for a question
STARTS_A_TURN_MAX = 64  # × 150 µs for a signature = 10 ms of a turn
ENTRIES_LARGE = 2_048  # × 512 bytes = 1 MiB: more than one answer
ANSWER_BYTES_MAX = FRAME_BYTES_MAX - FRAME_BYTES_MAX // 16  # an estimate: a cut answer costs a request
ANSWER_BYTES_MIN, ANSWER_BYTES_FIRST = 32 * 1_024, 64 * 1_024  # 1 s and 2 s at 256 kbit/s
REBUILD_BYTES_MAX = 128 * FRAME_BYTES_MAX  # entries after the leaves that a new epoch keeps
LEAVES_READ_MAX = 2**22  # × 33 bytes + list = 170 MB: two trees are compared up to that size
HEADS_UNSETTLED_MAX = 2 * HEADS_PER_FRAME_MAX  # then the next page of a peer's changes waits
RANGE_ROUNDS_MAX = 8
RANGES_OPEN_MAX = 64 * RANGES_PER_FRAME_MAX  # asked in one round: 100,000 logs that differ all over
RANGE_HEADS_MIN = 16  # held before ranges, 300 bytes where all is equal, are cheaper than all heads
REPAIR_SECONDS = 300
REPAIR_ALL_HEADS_MIN = 16  # new ones in one repair: something was cut off, repair with everybody
REPAIR_ALL_SECONDS_MIN = 10
MISSING_BODIES_MAX = 1_024  # asked for in one repair

# --- conduct: files (§5) ---------------------------------------------------------------------------
FILE_BYTES_MAX = 2**40  # 1 TiB: 4,194,304 chunks, whose leaves take 128 MiB
CHUNKS_UNDER_WAY_MAX = 96  # × 256 KiB = 24 MiB: asked for, or not yet on the disk
CHUNKS_A_LINK_MAX = 32  # × 256 KiB hides 600 ms at 100 Mbit/s; half of them are asked for together
CHUNKS_A_LINK_FIRST = 2  # of an unknown link: 16 s at 256 kbit/s
CHUNK_STALL_SECONDS = 5.0  # without an answer, when somebody else has it too
FILES_OPEN_MAX = 64  # fetched at once
FILE_ASK_AGAIN_SECONDS, FILE_ASK_AGAIN_SECONDS_MAX = 15, 3_600  # where nobody has it, doubling
HOLDERS_ASKED_SECONDS = 600  # between two questions to one peer whether it holds a file
HOLDERS_ASKED_FILES_MAX = 64  # in one such round

# --- conduct: dialling (§7, §8) --------------------------------------------------------------------
PEERS_FEW = 50  # below it: connect to all
LINKS_ACTIVE_MIN, LINKS_ACTIVE_MAX, LINKS_OUTGOING_MIN = 6, 8, 4
LINKS_A_SUBNET_MAX = 2  # of a /24 or a /48, outside the LAN: addresses there cost next to nothing
LINKS_BY_ONE_INTRODUCER_MAX = LINKS_OUTGOING_MIN // 2  # of those we dial
LINKS_CROWDED = LINKS_ACTIVE_MAX * 3 // 2  # beyond: callers who also hear others may look elsewhere
TRIM_SECONDS = 60
ROTATE_SECONDS = 600
PRUNE_SECONDS = 86_400  # what is remembered of strangers that are gone
REDIAL_SECONDS, REDIAL_SECONDS_MAX = 5, 3_600
REDIAL_FEW_SECONDS = 120  # × those missing since today, at most: about a call a minute, 14 kB of SYN an hour
NEARBY_MAX = 256

# --- conduct: signing (§3) -------------------------------------------------------------------------
ASK_OWN_HEAD_SECONDS = 5
