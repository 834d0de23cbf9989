"""Why nothing can be written now, and what to do: reading goes on in every one of these cases."""

from __future__ import annotations

from mutunode.commons.words import Words
from mutunode.service.errors import Exit, Refusal
from mutunode.store.blobs import BlobError, BlobFull
from mutunode.store.interface import StoreError

FULL = "full"  # the one reason that is not about signing

# Why nothing may be signed (the codes of ``Node.signing`` and of the turns), and what to do.
READ_ONLY = {
    "behind": Words(
        "Des organisations voisines ont de votre registre une copie plus complète que cet ordinateur. "
        "Il leur demande ce qui lui manque avant de signer ; réessayez dans un instant.",
        "Neighbouring organisations hold more of your register than this computer. "
        "It is asking them for what is missing before it signs; try again in a moment.",
    ),
    "stale": Words(
        "Cette copie du registre est peut-être plus ancienne que la dernière page signée, et aucune voisine "
        "joignable n’en tient une. Rien n’est signé tant qu’une voisine qui le tient n’a pas répondu ; si "
        "vous êtes certain qu’il n’existe pas de copie plus récente, tapez "
        "« mutunode doctor --allow-signing ».",
        "This copy of the register may be older than the latest page that was signed, and no neighbour in "
        "reach holds one. Nothing is signed until a neighbour that does answers; if you are certain that no "
        "newer copy exists, type `mutunode doctor --allow-signing`.",
    ),
    "second_machine": Words(
        "Un autre ordinateur signe avec la même clé : une copie de ce dossier, sans doute. Les deux sont "
        "passés en lecture seule. Arrêtez celui qui ne doit plus servir, puis redémarrez l’autre ; ou donnez "
        "à celui-ci une clé neuve, avec la phrase de secours : "
        "« mutunode epoch open --phrase-file FICHIER ».",
        "Another computer signs with the same key: a copy of this folder, most likely. Both have become "
        "read-only. Stop the one that should not be used any more, then restart the other; or give this one "
        "a new key, with the recovery phrase: `mutunode epoch open --phrase-file FILE`.",
    ),
    "disputed": Words(
        "Deux reprises de votre registre, signées avec votre phrase de secours, se contredisent. Rien n’est "
        "signé ici tant que vous n’avez pas dit laquelle suivre : sur la page de votre organisation, ou avec "
        "« mutunode key show » puis « mutunode peer follow ».",
        "Two new starts of your register, signed with your recovery phrase, contradict each other. Nothing "
        "is signed here until you say which one to follow: on your organisation's page, or with "
        "`mutunode key show`, then `mutunode peer follow`.",
    ),
    "replaced": Words(
        "Une autre clé signe désormais pour cette organisation. Celle de cet ordinateur ne signe plus. Si "
        "c’est vous qui l’avez changée sur un autre ordinateur, arrêtez celui-ci. Sinon, voyez "
        "« mutunode key show », et reprenez la main avec la phrase de secours : "
        "« mutunode epoch open --phrase-file FICHIER ».",
        "Another key signs for this organisation now. The one of this computer signs no more. If you changed "
        "it on another computer, stop this one. Otherwise look at `mutunode key show`, and take over again "
        "with the recovery phrase: `mutunode epoch open --phrase-file FILE`.",
    ),
    "fork": Words(
        "Deux registres différents ont été signés avec la clé de cette organisation. Plus rien n’est signé : "
        "une reprise du registre y met fin, avec la phrase de secours : "
        "« mutunode epoch open --phrase-file FICHIER » dit d’abord ce qui en sort.",
        "Two different registers were signed with this organisation's key. Nothing more is signed: "
        "a new start of the register ends this, with the recovery phrase: "
        "`mutunode epoch open --phrase-file FILE` first says what it drops.",
    ),
    "unfinished": Words(
        "La reprise du registre garde des pages que cet ordinateur n’a pas encore : il les demande à ses "
        "voisines, puis signera. Si plus personne ne les a, reprenez-le une fois de plus avec ce qui est "
        "ici, sur la page « Signature et secours » ou avec « mutunode epoch open --base N --phrase-file "
        "FICHIER » : ce qui manque sort alors du registre.",
        "The new start of the register keeps pages that this computer does not hold yet: it asks its "
        "neighbours for them, and will sign then. If nobody has them any more, start once more with what is "
        "here, on the page “Signature and recovery” or with `mutunode epoch open --base N --phrase-file "
        "FILE`: what is missing leaves the register then.",
    ),
    "unmarked": Words(
        "Le dossier du nœud refuse d’être écrit : rien n’est signé ni montré tant que dure cette panne. "
        "Voyez la place sur le disque et les droits du dossier ; le nœud reprend de lui-même.",
        "The node's folder cannot be written: nothing is signed or shown while this lasts. "
        "Look at the room on the disk and the folder's permissions; the node goes on by itself.",
    ),
    "disk": Words(
        "Le disque refuse d’être écrit : rien ne se publie, on lit et on cherche encore. Voyez s’il est "
        "monté en lecture seule, plein ou en panne, et les droits du dossier ; le nœud reprend de lui-même.",
        "The disk refuses to be written: nothing can be published, reading and searching go on. See "
        "whether it is mounted read-only, full or failing, and the folder's permissions; the node goes on "
        "by itself.",
    ),
    "damaged": Words(
        "Le fichier des fiches est abîmé : rien n’est signé. Arrêtez le nœud, puis tapez « mutunode doctor "
        "--repair » : ce qui se lit encore est repris, le reste revient des voisines.",
        "The file of records is damaged: nothing is signed. Stop the node, then type `mutunode doctor "
        "--repair`: what can still be read is taken over, the rest comes back from neighbours.",
    ),
    "asking": Words(
        "Cet ordinateur demande d’abord à ses voisines ce qu’elles ont de votre registre. "
        "Réessayez dans quelques secondes.",
        "This computer first asks its neighbours what they hold of your register. "
        "Try again in a few seconds.",
    ),
}


def not_signed(reason: str) -> Refusal:
    """Why nothing can be signed now, and what to do: a code of ``NotSigned``."""
    if reason == FULL:
        return disk_full()
    why = why_read_only(reason)
    return Refusal("read_only", Exit.READ_ONLY, why.fr, why.en)


def why_read_only(reason: str, here: int | None = None) -> Words:
    """The same in words only; ``here``: how many entries of our register are."""
    if reason == FULL:
        return Words(disk_full().fr, disk_full().en)
    words = READ_ONLY.get(reason, READ_ONLY["asking"])
    if here is None:
        return words
    return Words(*(text.replace("--base N", f"--base {here}") for text in (words.fr, words.en)))


def disk_full() -> Refusal:
    """There is no room left."""
    return Refusal(
        "full",
        Exit.READ_ONLY,
        "Le disque est plein : rien n’a été noté. Libérez de la place et recommencez ; lire reste possible.",
        "The disk is full: nothing was kept. Free some room and try again; reading still works.",
    )


def disk_fails(error: StoreError) -> Refusal:
    """Something else is wrong with where records are kept."""
    return Refusal(
        "disk",
        Exit.READ_ONLY,
        f"Rien n’a été noté, le disque ou le fichier des fiches refuse : {error.fr}.",
        f"Nothing was kept, the disk or the file of records refuses: {error}.",
    )


def files_fail(error: BlobError, fr: str, en: str) -> Refusal:
    """The place for files refuses; ``fr`` and ``en`` say what has not been done because of it."""
    if isinstance(error, BlobFull):
        return Refusal(
            "full",
            Exit.READ_ONLY,
            f"{fr} : le disque est presque plein. Libérez de la place, puis recommencez.",
            f"{en}: the disk is nearly full. Free some room, then try again.",
        )
    return Refusal("disk", Exit.READ_ONLY, f"{fr} : {error.fr}.", f"{en}: {error}.")


def stopping() -> Refusal:
    """The node was asked to stop."""
    return Refusal(
        "stopping",
        Exit.READ_ONLY,
        "Le nœud s’arrête : rien n’a été noté. Recommencez quand il tourne de nouveau.",
        "The node is stopping: nothing was kept. Try again when it runs again.",
    )


def too_slow() -> Refusal:
    """It goes on, but nobody should wait any longer."""
    return Refusal(
        "slow",
        Exit.NOT_REPLICATED,
        "L’écriture dure plus de deux minutes et continue. Regardez plus tard ce qui a été noté.",
        "Writing takes more than two minutes and goes on. Look again later at what was kept.",
    )
