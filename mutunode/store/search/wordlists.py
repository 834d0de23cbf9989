"""The short word lists behind the analyser: what carries no meaning, and what no rule would find."""

from __future__ import annotations

_STOP_WORDS = """
a au aux avec ce ces cet cette dans de des dont du elle elles en est et eux il ils je la le les leur leurs
ma mes nos notre nous ou par pour qu que qui sa se ses sont sur ta tes tu un une vos votre vous y
and are at be been by for from has have in is it its of that the their these this those to was were which with
"""
_FAINT_WORDS = """
an as but car comme mais my ne no not on or our pas plus son ton what you
ai as avoir avons chez combien comment doit dois etre faire fait faut il ils ici mon on ont peut peux
pourquoi quand quel quelle quelles quels quoi si suis voudrais veux
about am can could did do does find get give have how i if make me need should so we when where who why
will
d j l m n qu s
"""
_ELISIONS = "l d qu s n j m t c jusqu lorsqu puisqu quoiqu"
_CLITICS = "s t re ve ll d m"

# Function words of French and English that mean nothing in the other language: no "or", "car", "but", "son".
STOP_WORDS = frozenset(_STOP_WORDS.split())
# Function words here that mean something there, what makes a question of words ("comment", "how do I"), and
# elisions without their apostrophe ("l ecole"; but "C" and "R" are languages, and a "t" is tested):
# asked for when alone, never required beside another word.
FAINT_WORDS = frozenset(_FAINT_WORDS.split())
# What loses its vowel before an apostrophe, and what follows an English one.
ELISIONS = frozenset(_ELISIONS.split())
CLITICS = frozenset(_CLITICS.split())
# An apostrophe that separates nothing.
WHOLE = {("aujourd", "hui"): "aujourdhui"}
# Plurals no rule finds.
IRREGULAR = {"baux": "bail", "travaux": "travail", "vitraux": "vitrail", "yeux": "oeil"}
