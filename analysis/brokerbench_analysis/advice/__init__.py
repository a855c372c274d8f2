"""What to change next, from this run's own figures: each piece with its evidence, its price and where it stands."""

from .advise import RULES, advise
from .proofs import FOLDER, NOTE, note, with_proofs
from .rule import Advice, Finding, Proof, Rule

__all__ = ["FOLDER", "NOTE", "RULES", "Advice", "Finding", "Proof", "Rule", "advise", "note", "with_proofs"]
