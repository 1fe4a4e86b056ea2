"""How large a file from elsewhere may be. Everything beyond is refused by name, before it takes time or memory.

The largest honest ones: a run of 78,183 checks has 45 MB, 4 million values and a line of 56 kB; a ledger has
113 kB, a case 13 kB, 256 elements and keys of three parts.
"""

from __future__ import annotations

MOST_RECORD_BYTES = 128 << 20  # of a results file, unpacked
MOST_LINE_BYTES = 1 << 20  # of one record
MOST_VALUES = 8_000_000  # of a results file: what separates values in JSON is counted
MOST_DIGITS = 20  # of an integer in a record
MOST_DEPTH = 32  # lists and objects in each other
MOST_SUBJECTS = 2_000  # of a page: pairs and tables grow with their square
MOST_DTYPES = 16  # of a page
MOST_CELLS = 200_000  # of a history's tables
MOST_TEXT_BYTES = 1 << 20  # of a case, a ledger or a kill matrix
MOST_KEY_PARTS = 16  # of a dotted key: tomllib takes memory with the square of their number
MOST_ELEMENTS = 10_000  # of a case, before they are repeated
MOST_NUMBER_CHARACTERS = 2_500
MOST_EXPONENT = 20_000  # of a hex float
