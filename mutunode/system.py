"""What the operating system refuses, in both languages: it speaks one only, and not always the reader's."""

from __future__ import annotations

import errno

_WHY = {
    errno.ENOENT: ("cela n’existe pas", "no such file or folder"),
    errno.EACCES: ("les droits ne le permettent pas", "permission denied"),
    errno.EPERM: ("le système ne le permet pas", "the system does not permit it"),
    errno.EISDIR: ("c’est un dossier", "it is a folder"),
    errno.ENOTDIR: ("ce n’est pas un dossier", "it is not a folder"),
    errno.EEXIST: ("cela existe déjà", "it exists already"),
    errno.ENOTEMPTY: ("le dossier n’est pas vide", "the folder is not empty"),
    errno.EROFS: ("le disque est en lecture seule", "the disk is read-only"),
    errno.EIO: ("le disque est en panne ou débranché", "the disk fails, or was unplugged"),
    errno.ENODEV: ("le disque n’est plus là", "the disk is not there any more"),
    errno.ENXIO: ("le disque n’est plus là", "the disk is not there any more"),
    errno.ENOSPC: ("le disque est plein", "the disk is full"),
    errno.EDQUOT: ("votre part du disque est pleine", "your share of the disk is full"),
    errno.EFBIG: ("trop grand pour ce disque", "too large for this disk"),
    errno.ENAMETOOLONG: ("nom trop long", "the name is too long"),
    errno.ELOOP: ("des liens y tournent en rond", "its links go round in circles"),
    errno.EMFILE: ("trop de fichiers ouverts", "too many open files"),
    errno.ENFILE: ("trop de fichiers ouverts", "too many open files"),
    errno.EBUSY: ("un autre programme s’en sert", "another program uses it"),
    errno.ETXTBSY: ("un autre programme s’en sert", "another program uses it"),
    errno.ESTALE: ("le disque du réseau a changé", "the network disk has changed"),
    errno.ETIMEDOUT: ("pas de réponse à temps", "no answer in time"),
    errno.EINVAL: ("le système n’en veut pas", "the system does not take it"),
    errno.EADDRINUSE: ("adresse déjà prise", "address already taken"),
    errno.EADDRNOTAVAIL: ("cet ordinateur n’a pas cette adresse", "this computer has no such address"),
    errno.ECONNREFUSED: ("connexion refusée", "connection refused"),
}


def why(error: OSError) -> tuple[str, str]:
    """Why, in French and in English; half a sentence, to stand after what was refused and a colon."""
    known = _WHY.get(error.errno or 0)
    if known is not None:
        return known
    name = errno.errorcode.get(error.errno or 0, "")
    return (
        f"le système refuse ({name or 'sans dire pourquoi'})",
        f"the system refuses ({error.strerror or name or 'it does not say why'})",
    )
