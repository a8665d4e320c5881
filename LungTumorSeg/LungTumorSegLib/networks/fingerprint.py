"""What a model is, in one number: two models of the same fingerprint give the same answers. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from LungTumorSegLib.networks import card as cards
from LungTumorSegLib.networks import weights_limits
from LungTumorSegLib.networks.model import CARD, companion, files_of, find, load_card, read
